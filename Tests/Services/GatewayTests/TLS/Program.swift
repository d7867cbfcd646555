import Foundation
import TestSupport

/// Programs of other people that speak to a server of ours.
enum Program {
    /// Its output, on both streams.
    static func run(_ arguments: String...) async throws -> String { try await run(arguments) }

    static func run(_ arguments: [String]) async throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let data = output.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines))
            }
        }
    }

    /// One of the attackers in `Attackers/attack.py`, in a word or two.
    static func attack(_ kind: String, port: Int) async throws -> String {
        let tests = "\(repositoryRoot)/Tests"
        return try await run("\(tests)/python", "\(tests)/Services/GatewayTests/TLS/Attackers", "attack.py", kind, "\(port)")
    }
}
