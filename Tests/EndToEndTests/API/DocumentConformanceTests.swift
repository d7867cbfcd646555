import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `The answers of the running system` {
    /// The tokens of a user and of an admin.
    private func signedUp(_ system: RunningSystem, _ anyone: Client) async throws -> (user: String, admin: String) {
        let user = try await anyone.signedUp("bob")
        _ = try await anyone.signedUp("eve")
        let promotion = try await Launch.run(["users", "promote", "eve@example.org", "--data-dir", system.dataDirectory])
        try #require(promotion.code == 0, "\(promotion.output)")
        let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"eve@example.org","password":"a password of eve"}"#)
        return (try #require(user.token), try #require(login.data["accessToken"]?.text))
    }

    /// Five requests of a known seed a call, with ANNALS_LONG_TESTS=1 100 of a random one, beside those that are made from the examples and the
    /// edges of the schemas.
    @Test func `are what the document says, to anybody, a user and an admin`() async throws {
        let environment = ProcessInfo.processInfo.environment
        let isLong = environment["ANNALS_LONG_TESTS"] == "1"
        let seed = environment["ANNALS_API_SEED"] ?? (isLong ? "\(Int.random(in: 1...999_999))" : "1")
        print("ANNALS_API_SEED=\(seed)")
        try await withSystem { system, anyone in
            let tokens = try await signedUp(system, anyone)
            let examples = isLong ? "100" : "5"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for token in [[], [tokens.user], [tokens.admin]] {
                    let port = system.port
                    group.addTask { _ = try await OtherPrograms.run("fuzz.py", ["http://127.0.0.1:\(port)", seed, examples] + token) }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `leave a linter of HTTP nothing to say that is not explained`() async throws {
        try await withSystem { system, anyone in
            let tokens = try await signedUp(system, anyone)
            let report = try JSONValue.parse(
                try await OtherPrograms.run("lint.py", ["http://127.0.0.1:\(system.port)", tokens.user, tokens.admin]).utf8)
            #expect((report["calls"]?.int ?? 0) > 300)
            #expect(report["found"] == .array([]), "\(report)")
        }
    }

    @Test func `have a valid document, which is the same in YAML and in JSON`() async throws {
        try await withSystem { system, _ in
            let report = try await OtherPrograms.run("document.py", ["http://127.0.0.1:\(system.port)"])
            #expect(report == "valid, and the same\n")
        }
    }
}
