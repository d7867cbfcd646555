import Foundation
import Testing

/// The ways to run Annals elsewhere, held to the tools that read these files there. No container engine is needed for that, and none is tried:
/// docs/run.md says what could not be run.
@Suite struct `The packages` {
    @Test func `for Kubernetes fit its schemas, run as nobody, and leave only the gateway open`() throws {
        #expect(try run("kubernetes.py", "deploy/kubernetes") == "32 objects\n")
    }

    @Test func `for Docker Compose start in order, and give each service what is its own`() throws {
        #expect(try run("compose.py", "docker-compose.yml") == "10 services\n")
    }

    @Test func `for containers are built as hadolint advises`() throws {
        #expect(try run("tool.py", "hadolint", "Dockerfile", "deploy/serverless/Dockerfile") == "")
    }

    @Test func `for AWS fit its specification`() throws {
        #expect(try run("tool.py", "cfn-lint", "deploy/serverless/template.yaml") == "")
    }

    /// Runs a script and returns what it prints, errors included. It ends with 0, or the test fails.
    private func run(_ script: String, _ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = SourceTree.root.appending(path: "Tests/python")
        process.arguments = [SourceTree.root.appending(path: "Tests/RepositoryTests/Packages").path, script] + arguments
        process.currentDirectoryURL = SourceTree.root
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(said)")
        return said
    }
}
