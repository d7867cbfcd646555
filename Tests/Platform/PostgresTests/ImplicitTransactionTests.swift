import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `An implicit transaction` {
    private let insert = Statement("insert", "INSERT INTO numbers VALUES ($1)")
    private let count = Statement("count", "SELECT count(*) FROM numbers")

    private func withNumbers(_ body: @Sendable (ConnectionPool) async throws -> Void) async throws {
        try await withPool(multiplexed: 1) { pool in
            try await pool.withSession { try await $0.execute(script: "CREATE TABLE numbers (number int8 PRIMARY KEY)") }
            try await body(pool)
        }
    }

    @Test func `keeps all of its statements`() async throws {
        try await withNumbers { pool in
            let results = try await pool.atomically([Query(insert, [.int8(1)]), Query(insert, [.int8(2)]), Query(count)])
            #expect(results.map(\.affectedRows) == [1, 1, 1])
            #expect(try results[2][0].get(0, as: Int.self) == 2)
        }
    }

    @Test func `keeps nothing when one fails and says which`() async throws {
        try await withNumbers { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.atomically([
                    Query(insert, [.int8(1)]), Query(insert, [.int8(2)]), Query(insert, [.int8(1)]), Query(insert, [.int8(3)]),
                ])
            }
            #expect(error?.failedQuery == 2)
            #expect(error?.kind == .server(.uniqueViolation))
            #expect(error?.constraint == "numbers_pkey" && error?.table == "numbers")
            #expect(error?.outcomeUnknown == false)
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `names the statement that can't be prepared`() async throws {
        try await withNumbers { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.atomically([Query(insert, [.int8(1)]), Query(Statement("wrong", "SELEKT 1")), Query(count)])
            }
            #expect(error?.failedQuery == 1 && error?.kind == .server(.syntaxError) && error?.position == 1)
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `says nothing harmful in its description`() async throws {
        try await withNumbers { pool in
            try await pool.query(insert, [.int8(777)])
            let error = await #expect(throws: PostgresError.self) { try await pool.query(insert, [.int8(777)]) }
            #expect(error.map { "\($0)" } == "PostgresError(server 23505)")
            #expect(error?.debugDescription.contains("777") == true)
        }
    }
}
