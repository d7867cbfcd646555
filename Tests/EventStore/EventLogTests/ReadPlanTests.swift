import EventLogTesting
import EventSourcing
import JSON
import Postgres
import TestSupport
import Testing

@testable import EventLog

/// A log of 201,000 events: one stream of 100,000, one of 1,000 that all have 32 kB, all else in streams of one; every 20,000th is `Filed`, the
/// others are `Noted`.
@Suite(.timeLimit(.minutes(15))) struct `The plan of a read` {
    /// Each read in values that make a bad plan dear, and the most blocks that it may touch: some for each row it returns, a handful for each probe.
    static let reads: [(statement: Statement, values: String, rows: Int64, blocks: Int64)] = [
        (.readStream(.forwards), "\(longStream), 50000, 2147483647, 100, NULL, NULL, 16777216", 100, 120),
        (.readStream(.backwards), "\(longStream), 1, 2147483647, 100, NULL, NULL, 16777216", 100, 120),
        (.readStream(.backwards), "\(longStream), 1, 50000, 100, NULL, NULL, 16777216", 100, 120),
        // Of a thousand edits with a large text each, the last that has another field: without the texts.
        (.readStream(.backwards), "\(editedStream), 2, 1000, 1, NULL, 'title', 16777216", 1, 120),
        (.readStream(.backwards), "\(editedStream), 2, 1000, 1, NULL, 'slug', 16777216", 0, 120),
        (.readStream(.backwards), "\(editedStream), 1, 2147483647, 8, NULL, NULL, 65536", 3, 20),
        (.loadStream, "\(editedStream), 0, 16", 9, 30),
        (.readLog(.forwards), "1, 9223372036854775807, 2000", 2000, 200),
        (.readStream(.forwards), "'contract-none', 1, 2147483647, 100, NULL, NULL, 16777216", 0, 10),
        (.streamVersionAt, "\(longStream), '2026-01-01 01:00:00Z'", 1, 100),
        (.readLog(.forwards), "150000, 9223372036854775807, 100", 100, 30),
        (.readLog(.backwards), "1, 9223372036854775807, 100", 100, 30),
        // One row of ten in all, and the log's end beyond it.
        (.readTypesForwards, "1, 9223372036854775807, '{Filed}', 100", 10, 40),
        (.readTypesForwards, "190000, 9223372036854775807, '{Filed}', 100", 1, 20),
        (.readTypesForwards, "200001, 9223372036854775807, '{Filed}', 100", 1, 20),
        (.readTypesForwards, "1, 9223372036854775807, '{Unheard}', 100", 1, 20),
        (.readTypesBackwards, "1, 9223372036854775807, '{Filed}', 100", 10, 40),
        (.readTypesBackwards, "1, 100, '{Filed}', 100", 0, 20),
        // A common type with a rare one: a page of each at most.
        (.readTypesForwards, "1, 9223372036854775807, '{Filed,Noted}', 100", 100, 160),
        (.readTypesBackwards, "1, 9223372036854775807, '{Filed,Noted}', 100", 100, 160),
    ]

    @Test func `looks at little more than what it returns, whatever else the log holds`() async throws {
        try await LogUnderTest.with { log in
            try await log.withSession { session in
                try await session.execute(script: Self.filling)
                try await session.execute(script: "VACUUM ANALYZE log.events")
                for name in Set(Self.reads.map(\.statement)) { try await session.execute(script: "PREPARE \(name.name) AS \(name.sql)") }
                // Made for the values at hand, and made once for all: a prepared statement may end up with either plan.
                for mode in ["force_custom_plan", "force_generic_plan"] {
                    try await session.execute(script: "SET plan_cache_mode = \(mode)")
                    for (number, read) in Self.reads.enumerated() {
                        let explained = try await session.query(
                            Statement(
                                "explain_\(mode)_\(number)",
                                "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE \(read.statement.name)(\(read.values))"))
                        let plan = try #require(try JSONValue.parse(explained[0].get(0, as: String.self)).first?["Plan"])
                        let blocks = (plan["Shared Hit Blocks"]?.int ?? .max) + (plan["Shared Read Blocks"]?.int ?? .max)
                        #expect(plan.actualRows == read.rows, "\(read.statement.name)(\(read.values)), \(mode)")
                        #expect(blocks <= read.blocks, "\(read.statement.name)(\(read.values)), \(mode): \(plan.serialized)")
                    }
                }
            }
        }
    }

    private static let editedStream = "'contract-01980000-0000-7000-8000-000000000001'"

    private static let longStream = "'contract-01980000-0000-7000-8000-000000000000'"

    /// Ten events a second from 2026 on.
    private static let filling = """
        INSERT INTO log.events
        SELECT
            i,
            CASE
                WHEN i % 20000 = 0 THEN 'archive-' || '01980000-0000-7000-9000-' || lpad(to_hex(i), 12, '0')
                WHEN i % 2 = 0 THEN 'contract-' || '01980000-0000-7000-9000-' || lpad(to_hex(i), 12, '0')
                ELSE \(longStream)
            END,
            CASE WHEN i % 2 = 0 THEN 1 ELSE (i + 1) / 2 END,
            gen_random_uuid(), CASE WHEN i % 20000 = 0 THEN 'Filed' ELSE 'Noted' END, 1, jsonb_build_object('note', repeat('x', 200)),
            '{"command": "01980000-0000-7000-a000-000000000000"}', timestamptz '2026-01-01 00:00:00Z' + i * interval '100 ms'
        FROM generate_series(1, 200000) AS i;
        ALTER TABLE log.events ALTER COLUMN data SET STORAGE EXTERNAL;
        INSERT INTO log.events
        SELECT
            200000 + i, \(editedStream), i, gen_random_uuid(), 'Noted', 1, jsonb_build_object('content', repeat('x', 32000)),
            '{"command": "01980000-0000-7000-a000-000000000000"}', timestamptz '2026-01-02 00:00:00Z' + i * interval '100 ms',
            CASE i WHEN 1 THEN 'title slug content' WHEN 2 THEN 'title content' ELSE 'content' END
        FROM generate_series(1, 1000) AS i;
        """
}

extension JSONValue {
    fileprivate var first: JSONValue? {
        if case .array(let elements) = self { elements.first } else { nil }
    }
}
