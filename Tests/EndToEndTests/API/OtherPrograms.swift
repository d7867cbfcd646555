import EventSourcing
import Foundation
import JSON
import TestSupport
import Testing

/// Programs in Python that stand in for the browsers, clients and testers of other people. `Verifiers/requirements.txt` pins them.
enum OtherPrograms {
    /// Runs a script of `Verifiers` and returns what it prints. It ends with 0, or the test fails with its errors.
    static func run(_ script: String, _ arguments: [String]) async throws -> String {
        let folder = repositoryRoot + "/Tests/EndToEndTests/API/Verifiers"
        let (end, text, complaints) = try await ChildProgram.run([repositoryRoot + "/Tests/python", folder, script] + arguments)
        try #require(end == .exit(0), "\(text)\n\(complaints)")
        return text
    }

    /// Fetches Swagger UI's files, as `bin/up` does before it starts anything.
    static func fetchSwaggerUI() async throws {
        let output = try await Shell.run("source '\(repositoryRoot)/bin/.prepare' && fetch_swagger_ui")
        try #require(FileManager.default.fileExists(atPath: repositoryRoot + "/web/swagger-ui/swagger-ui-bundle.js"), "\(output)")
    }
}
