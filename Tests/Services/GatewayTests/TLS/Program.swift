import Foundation
import TestSupport

/// Programs of other people that speak to a server of ours.
enum Program {
    /// Its output, on both streams.
    static func run(_ arguments: String...) async throws -> String { try await run(arguments) }

    static func run(_ arguments: [String]) async throws -> String {
        try await ChildProgram.run(["/usr/bin/env"] + arguments, isMerged: true).output.trimmingCharacters(in: .newlines)
    }

    /// One of the attackers in `Attackers/attack.py`, in a word or two.
    static func attack(_ kind: String, port: Int) async throws -> String {
        let tests = "\(repositoryRoot)/Tests"
        return try await run("\(tests)/python", "\(tests)/Services/GatewayTests/TLS/Attackers", "attack.py", kind, "\(port)")
    }
}
