import EventSourcing
import Foundation
import Glibc
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// `annals serve relay` is killed while schedules fall due and accounts are closed, 4 times; 40 times with ANNALS_LONG_TESTS=1.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A relay that is killed again and again` {
    private static let rounds = isLongRun ? 40 : 4
    private static let due = isLongRun ? 400 : 40

    @Test func `publishes each scheduled post once, and leaves alone what was taken back`() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        try await withSystem(isApart: true) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let author = try await ann.ownID()
            for _ in 0..<4 { try await Self.takeBack(try await Self.schedule(in: .seconds(3600), by: ann), by: ann) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for _ in 0..<Self.due { _ = try await Self.schedule(in: .seconds(3), by: ann) } }
                try await Self.killRelay(of: system, using: &random) { try await Self.areOver(Self.due + 4, system) }
                try await group.waitForAll()
            }
            try await eventually { try await Self.areOver(Self.due + 4, system) }

            let published = """
                SELECT string_agg(posts || ' x ' || times, ', ' ORDER BY times) FROM (SELECT times, count(*) AS posts FROM (
                    SELECT count(*) FILTER (WHERE type = 'PostPublished') AS times FROM log.events WHERE stream LIKE 'post-%' GROUP BY stream
                ) AS each GROUP BY times) AS counted
                """
            #expect(try await system.query(published, in: "annals_log") == "4 x 0, \(Self.due) x 1", "seed \(seed)")
            let ends = """
                SELECT string_agg(processes || ' x ' || name, ', ' ORDER BY name) FROM (
                    SELECT data ->> 'name' AS name, count(*) AS processes FROM log.events WHERE type = 'ProcessEnded' GROUP BY 1
                ) AS counted
                """
            #expect(try await system.query(ends, in: "annals_log") == "4 x cancelled, \(Self.due) x completed", "seed \(seed)")
            let twice = "SELECT count(*) FROM (SELECT FROM log.events WHERE type = 'ProcessEnded' GROUP BY stream HAVING count(*) > 1) AS g"
            #expect(try await system.query(twice, in: "annals_log") == "0", "seed \(seed)")
            let others = "SELECT count(*) FROM log.events WHERE type = 'PostPublished' AND metadata ->> 'actor' IS DISTINCT FROM '\(author)'"
            #expect(try await system.query(others, in: "annals_log") == "0", "seed \(seed)")
            let uncorrelated = """
                SELECT count(*) FROM log.events p JOIN log.events s USING (stream) WHERE p.type = 'PostPublished' AND s.type = 'PostScheduled'
                    AND (s.metadata ->> 'correlation' IS NULL OR p.metadata ->> 'correlation' IS DISTINCT FROM s.metadata ->> 'correlation')
                """
            #expect(try await system.query(uncorrelated, in: "annals_log") == "0", "seed \(seed)")
        }
    }

    @Test func `erases each person who asks, once`() async throws {
        let people = Self.rounds
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        try await withSystem(isApart: true) { system, anyone in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 0..<people {
                        let person = try await anyone.signedUp("person\(number)")
                        #expect(try await person.call(.POST, "/posts", json: #"{"title":"Mine","content":"x","publish":true}"#).status == 201)
                        let asked = try await person.call(.DELETE, "/users/me", json: #"{"password":"a password of person\#(number)"}"#)
                        #expect(asked.status == 202, "\(asked.json)")
                    }
                }
                try await Self.killRelay(of: system, using: &random) { try await Self.areOver(people, system) }
                try await group.waitForAll()
            }
            try await eventually { try await Self.areOver(people, system) }
            for type in ["ClosureRequested", "UserClosed", "PostDeleted", "ProcessStarted", "ProcessEnded"] {
                let count = try await system.query("SELECT count(*) FROM log.events WHERE type = '\(type)'", in: "annals_log")
                #expect(count == "\(people)", "\(type), seed \(seed)")
            }
            let keys = "SELECT count(*) FROM vault.data_keys WHERE wrapped IS NOT NULL"
            #expect(try await system.query(keys, in: "annals_vault") == "0", "seed \(seed)")
        }
    }

    private static func schedule(in time: Duration, by author: Client) async throws -> String {
        let drafted = try await author.call(.POST, "/posts", json: #"{"title":"Later","content":"x"}"#)
        let post = try #require(drafted.data["id"]?.text)
        // A time that is past when the call is looked at is chosen anew.
        var ahead = time
        try await eventually {
            defer { ahead = ahead * 2 }
            let answer = try await author.call(.POST, "/posts/\(post)/schedule", json: #"{"at":"\#(Timestamp.now.advanced(by: ahead))"}"#)
            return answer.status == 202
        }
        return post
    }

    private static func takeBack(_ post: String, by author: Client) async throws {
        #expect(try await author.call(.DELETE, "/posts/\(post)/schedule").status == 204)
    }

    /// The events of all processes so far.
    private static func steps(of system: RunningSystem) async throws -> Int {
        try await Int(system.query("SELECT count(*) FROM log.events WHERE stream LIKE 'process-%'", in: "annals_log")) ?? 0
    }

    private static func areOver(_ count: Int, _ system: RunningSystem) async throws -> Bool {
        let over = "SELECT count(DISTINCT stream) FROM log.events WHERE type = 'ProcessEnded'"
        return try await system.query(over, in: "annals_log") == "\(count)"
    }

    /// Kills the relay with SIGKILL after each few steps of processes, or when all are over.
    private static func killRelay(
        of system: RunningSystem, using random: inout SeededRandom, unless areOver: @escaping @Sendable () async throws -> Bool
    ) async throws {
        for _ in 0..<rounds {
            let target = try await steps(of: system) + Int.random(in: 1...12, using: &random)
            try await eventually {
                if try await steps(of: system) >= target { return true }
                return try await areOver()
            }
            let killed = try #require(try system.services()["relay"])
            kill(killed.pid, SIGKILL)
            try await eventually { try system.services()["relay"].map { $0.pid != killed.pid } ?? false }
        }
    }
}
