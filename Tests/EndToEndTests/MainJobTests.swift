import Foundation
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The main job` {
    @Test func `a post is written, read, changed, counted, and its history shown`() async throws {
        try await withSystem { _, anyone in
            try await MainJob(anyone).walk()
        }
    }

    @Test func `sixty-four clients race for one slug and one of them gets it`() async throws {
        try await withSystem { system, anyone in
            try await MainJob(anyone).race()
            #expect(try await system.query("SELECT count(*) FROM log.events WHERE type = 'PostDrafted'", in: "annals_log") == "1")
        }
    }

    /// 10,000 tries with ANNALS_LONG_TESTS=1, 300 otherwise.
    @Test func `who sends back the position of a command reads its own write`() async throws {
        let tries = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? 10_000 : 300
        try await withSystem { _, anyone in
            try await MainJob(anyone).readOwnWrites(tries)
        }
    }
}
