import EventLog
import EventLogTesting
import EventSourcing
import JSON
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Audit

/// A log of 200,000 events: one stream of 100,000, all else in streams of one; every 20,000th is `Filed`, the others are `Noted`.
@Suite(.timeLimit(.minutes(15))) struct `The plan of an audit trail's page` {
    private static let bytes = 2 << 20

    /// Each page in values that make a bad plan dear, and the most blocks that it may touch: some for each row it looks at, a handful for each probe.
    private static let reads: [(statement: Statement, values: String, rows: Int64, blocks: Int64)] = [
        (.trailOfAll, "150000, 200000, 1000, \(bytes), 1000", 1000, 150),
        (.trailOfPositions, "150000, 200000, 1000, \(bytes), 1000, '\(nobody)', NULL, NULL", 1, 150),
        (.trailOfPositions, "150000, 200000, 1000, \(bytes), 100, NULL, NULL, NULL", 100, 150),
        // One row of ten in all, in a log that has none of them for long.
        (.trailOfTypes, "0, 200000, 1000, \(bytes), 1000, NULL, NULL, '{Filed}'", 10, 60),
        (.trailOfTypes, "190000, 200000, 1000, \(bytes), 1000, NULL, NULL, '{Filed}'", 1, 30),
        (.trailOfTypes, "0, 200000, 1000, \(bytes), 1000, NULL, NULL, '{Unheard}'", 1, 30),
        (.trailOfTypes, "0, 200000, 1000, \(bytes), 1000, '\(nobody)', NULL, '{Filed,Noted}'", 1, 150),
        // The middle of a long stream, its end, and one that is not there.
        (.trailOfStream, "100000, 200000, 1000, \(bytes), 1000, NULL, NULL, NULL, \(longStream)", 1000, 350),
        (.trailOfStream, "199990, 200000, 1000, \(bytes), 1000, NULL, NULL, NULL, \(longStream)", 5, 150),
        (.trailOfStream, "0, 200000, 1000, \(bytes), 1000, NULL, NULL, NULL, 'contract-none'", 1, 30),
        (.trailPositionAt, "'2026-01-01 01:00:00Z', 200000", 1, 120),
        (.logHead, "", 1, 10),
    ]

    @Test func `looks at little more than its candidates, whatever else the log holds`() async throws {
        try await LogUnderTest.open(.publishing) { log in
            try await log.withSession { session in
                try await session.execute(script: Self.filling)
                try await session.execute(script: "VACUUM ANALYZE log.events")
                for name in Set(Self.reads.map(\.statement)) { try await session.execute(script: "PREPARE \(name.name) AS \(name.sql)") }
                // Made for the values at hand, and made once for all: a prepared statement may end up with either plan.
                for mode in ["force_custom_plan", "force_generic_plan"] {
                    try await session.execute(script: "SET plan_cache_mode = \(mode)")
                    for (number, read) in Self.reads.enumerated() {
                        let values = read.values.isEmpty ? "" : "(\(read.values))"
                        let explained = try await session.query(
                            Statement(
                                "explain_\(mode)_\(number)",
                                "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE \(read.statement.name)\(values)"))
                        let plan = try #require(try JSONValue.parse(explained[0].get(0, as: String.self)).elements?.first?["Plan"])
                        let blocks = (plan["Shared Hit Blocks"]?.int ?? .max) + (plan["Shared Read Blocks"]?.int ?? .max)
                        #expect(plan.actualRows == read.rows, "\(read.statement.name)(\(read.values)), \(mode)")
                        #expect(blocks <= read.blocks, "\(read.statement.name)(\(read.values)), \(mode): \(plan.serialized)")
                    }
                }
            }
        }
    }

    private static let nobody = "01980000-0000-7000-b000-000000000000"
    private static let longStream = "'contract-01980000-0000-7000-8000-000000000000'"

    /// Ten events a second from 2026 on.
    private static let filling = """
        INSERT INTO log.events
        SELECT
            i,
            CASE WHEN i % 2 = 0 THEN 'contract-' || '01980000-0000-7000-9000-' || lpad(to_hex(i), 12, '0') ELSE \(longStream) END,
            CASE WHEN i % 2 = 0 THEN 1 ELSE (i + 1) / 2 END,
            gen_random_uuid(), CASE WHEN i % 20000 = 0 THEN 'Filed' ELSE 'Noted' END, 1, jsonb_build_object('note', repeat('x', 200)),
            '{"command": "01980000-0000-7000-a000-000000000000"}', timestamptz '2026-01-01 00:00:00Z' + i * interval '100 ms'
        FROM generate_series(1, 200000) AS i;
        """
}

extension JSONValue {
    fileprivate var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }
}
