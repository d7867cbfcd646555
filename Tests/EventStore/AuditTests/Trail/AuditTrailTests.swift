import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `The audit trail` {
    /// Every page of a part, and all its events.
    private static func read(_ trail: AuditTrail, _ filter: TrailFilter, _ limits: AuditTrail.Limits) async throws -> [[RecordedEvent]] {
        let part = try await trail.part(filter)
        var pages: [[RecordedEvent]] = []
        var next: Int64? = part.after
        while let position = next {
            let page = try await trail.page(of: part, after: position, limits: limits)
            let events = try page.events()
            #expect(events.count == page.count)
            #expect(page.next.map { $0 > position } ?? true, "each page gets further")
            pages.append(events)
            next = page.next
        }
        return pages
    }

    @Test(arguments: (0..<4).map { _ in UInt64.random(in: .min ... .max) })
    func `brings exactly what a filter says, in order, whatever the pages are cut by`(seed: UInt64) async throws {
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        let model = RandomLog(400, using: &random)
        let filters = [TrailFilter(), TrailFilter(types: [])] + (0..<60).map { _ in model.filter(using: &random) }
        var tight = AuditTrail.Limits()
        tight.candidates = .random(in: 1...40, using: &random)
        tight.events = .random(in: 1...20, using: &random)
        tight.bytes = .random(in: 1...3000, using: &random)
        let limits = tight
        try await LogUnderTest.open(.publishing) { log in
            try await model.fill(log)
            try await log.withPool(as: "annals_projector") { pool in
                let trail = AuditTrail(pool)
                for filter in filters {
                    let expected = model.wanted(filter)
                    for limits in [limits, AuditTrail.Limits()] {
                        let found = try await Self.read(trail, filter, limits)
                        #expect(found.flatMap { $0 } == expected, "seed \(seed), \(filter)")
                        #expect(found.allSatisfy { $0.count <= limits.events }, "seed \(seed), \(filter)")
                    }
                }
            }
        }
    }

    @Test func `ends with the log as it was when its part was settled`() async throws {
        var random = SeededRandom(seed: 1)
        let model = RandomLog(50, using: &random)
        try await LogUnderTest.open(.publishing) { log in
            try await model.fill(log)
            try await log.withPool(as: "annals_projector") { pool in
                let trail = AuditTrail(pool)
                let part = try await trail.part(TrailFilter())
                try await log.run(
                    "INSERT INTO log.events SELECT position + 50, 'post-' || gen_random_uuid(), 1, gen_random_uuid(), type, 1, data, metadata, recorded_at FROM log.events"
                )
                let page = try await trail.page(of: part, after: 0)
                #expect(page.count == 50 && page.next == nil)
                #expect(try await trail.part(TrailFilter()).until == 100)
            }
        }
    }

    @Test func `is cut by size before large events are in memory`() async throws {
        try await LogUnderTest.open(.publishing) { log in
            // 40 events of 200 kB that do not compress.
            try await log.run(
                """
                INSERT INTO log.events
                SELECT n, 'post-' || gen_random_uuid(), 1, gen_random_uuid(), 'PostDrafted', 1, jsonb_build_object('box', (
                        SELECT string_agg(encode(sha512((n * 10000 + i)::text::bytea), 'hex'), '') FROM generate_series(1, 1600) i)),
                    '{"command": "01980000-0000-7000-8000-000000000000"}', now()
                FROM generate_series(1, 40) n
                """)
            try await log.withPool(as: "annals_projector") { pool in
                let trail = AuditTrail(pool)
                for filter in [TrailFilter(), TrailFilter(types: ["PostDrafted"]), TrailFilter(correlation: "none")] {
                    let pages = try await Self.read(trail, filter, AuditTrail.Limits())
                    let total = filter.correlation == nil ? 40 : 0
                    #expect(pages.map(\.count).reduce(0, +) == total)
                    // 2 MiB hold ten such events, and one more may begin within them.
                    #expect(pages.allSatisfy { $0.count <= 11 })
                }
            }
        }
    }

    @Test(arguments: [(#"{"actor":"x"}"#, "actor"), (#"{"actor":null}"#, "actor"), (#"{"later":1,"reason":"none"}"#, "later, reason")])
    func `leaves out no metadata in silence`(change: String, unread: String) async throws {
        var random = SeededRandom(seed: 3)
        let model = RandomLog(20, using: &random)
        try await LogUnderTest.open(.publishing) { log in
            try await model.fill(log)
            try await log.run(
                "ALTER TABLE log.events DISABLE TRIGGER ALL; UPDATE log.events SET metadata = metadata || '\(change)' WHERE position = 7")
            try await log.withPool(as: "annals_projector") { pool in
                let trail = AuditTrail(pool)
                let page = try await trail.page(of: try await trail.part(TrailFilter()), after: 0)
                let error = #expect(throws: EventStoreError.self) { try page.events() }
                let words = error.map { "\($0)" } ?? ""
                #expect(words.contains("position 7") && words.contains(unread), "\(words)")
            }
        }
    }

    @Test func `does not pass over a missing event`() async throws {
        var random = SeededRandom(seed: 2)
        let model = RandomLog(20, using: &random)
        for (missing, words) in [(7, "position 8 follows 6"), (1, "position 2 follows 0"), (20, "position 20 is missing")] {
            try await LogUnderTest.open(.publishing) { log in
                try await model.fill(log)
                try await log.withPool(as: "annals_projector") { pool in
                    let trail = AuditTrail(pool)
                    let part = try await trail.part(TrailFilter())
                    try await log.run(
                        "ALTER TABLE log.events DISABLE TRIGGER ALL; DELETE FROM log.events WHERE position = \(missing)")
                    let error = await #expect(throws: EventStoreError.self) { try await trail.page(of: part, after: 0) }
                    #expect("\(error.map { "\($0)" } ?? "")".contains(words))
                }
            }
        }
    }
}
