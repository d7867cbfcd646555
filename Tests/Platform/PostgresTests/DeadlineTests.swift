import Deadlines
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A statement of a request whose time is up` {
    private let insert = Statement("insert", "INSERT INTO notes VALUES (1)")
    private let count = Statement("count", "SELECT count(*) FROM notes")

    private func withNotes(_ body: @Sendable (ConnectionPool) async throws -> Void) async throws {
        try await withPool({ _ in }) { pool in
            try await pool.query(Statement("create", "CREATE TABLE notes (n int)"))
            try await body(pool)
        }
    }

    @Test func `is not sent`() async throws {
        try await withNotes { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await Deadline.$current.withValue(Deadline(.now)) { try await pool.query(insert) }
            }
            #expect(error?.kind == .cancelled && error?.outcomeUnknown == false)
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `is not sent within a transaction either, of which nothing is kept`() async throws {
        try await withNotes { pool in
            await #expect(throws: PostgresError.self) {
                try await pool.withTransaction { session in
                    try await session.query(insert)
                    try await Deadline.$current.withValue(Deadline(.now)) { try await session.query(insert) }
                }
            }
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `gives its place back`() async throws {
        try await withNotes { pool in
            for _ in 0..<200 {
                _ = await #expect(throws: PostgresError.self) {
                    try await Deadline.$current.withValue(Deadline(.now)) { try await pool.query(insert) }
                }
            }
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
            #expect(pool.statistics.inUse <= 1)
        }
    }

    @Test func `waits for a connection no longer than that time, whoever waits longer beside it`() async throws {
        try await withPool({
            $0.maximumConnections = 1
            $0.acquireTimeout = .seconds(3600)
        }) { pool in
            try await pool.withSession { _ in
                async let _: Void = pool.withSession { _ in }
                try await eventually { pool.statistics.waiting == 1 }
                let error = await #expect(throws: PostgresError.self) {
                    try await Deadline.$current.withValue(Deadline(.now + .seconds(2))) { try await pool.withSession { _ in } }
                }
                #expect(error?.kind == .poolTimeout)
                #expect(pool.statistics.waiting == 1)
            }
        }
    }
}
