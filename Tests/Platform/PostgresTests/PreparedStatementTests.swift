import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A prepared statement` {
    @Test func `that failed to prepare is prepared again`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let statement = Statement("later", "SELECT count(*) FROM later")
            for _ in 0..<2 {
                let error = await #expect(throws: PostgresError.self) { try await pool.query(statement) }
                #expect(error?.kind == .server(.undefinedTable))
            }
            try await pool.query(Statement("create", "CREATE TABLE later ()"))
            try await #expect(pool.query(statement)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `that failed behind another's failure is prepared again`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let skipped = Statement("skipped", "SELECT 5")
            _ = await #expect(throws: PostgresError.self) { try await pool.atomically([Query(.reciprocal, [.int4(0)]), Query(skipped)]) }
            try await #expect(pool.query(skipped)[0].get(0, as: Int.self) == 5)
        }
    }

    @Test func `survives a change of its table`() async throws {
        try await withPool(multiplexed: 1) { pool in
            try await pool.query(Statement("create", "CREATE TABLE things AS SELECT 1 AS a"))
            let all = Statement("all", "SELECT * FROM things")
            try await #expect(pool.query(all)[0].get(0, as: Int.self) == 1)
            try await pool.query(Statement("alter", "ALTER TABLE things ADD b int DEFAULT 2"))
            try await #expect(pool.query(all)[0].get(1, as: Int.self) == 2)
        }
    }

    @Test func `survives being dropped by the server`() async throws {
        try await withPool(multiplexed: 1) { pool in
            for _ in 0..<2 {
                try await #expect(pool.query(.echo, [.int4(3)])[0].get(0, as: Int.self) == 3)
                try await pool.query(Statement("deallocate", "DEALLOCATE ALL"))
            }
        }
    }

    @Test func `takes values of other types and NULL first`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let type = Statement("type", "SELECT pg_typeof(x)::text, x::text FROM (SELECT $1 AS x) AS v")
            for (value, name, text) in [
                (SQLValue.null, "text", nil), (.int8(5), "bigint", "5"), (.int2(6), "smallint", "6"), (.null, "text", nil),
                (.bool(true), "boolean", "true"),
            ] as [(SQLValue, String, String?)] {
                let row = try await pool.query(type, [value])[0]
                #expect(try row.get(0) == name)
                #expect(try row.get(1) == text)
            }
        }
    }
}
