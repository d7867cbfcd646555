import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A transaction` {
    private let insert = Statement("insert", "INSERT INTO numbers VALUES ($1)")
    private let count = Statement("count", "SELECT count(*) FROM numbers")
    private struct Enough: Error {}

    private func withNumbers(_ body: @Sendable (ConnectionPool) async throws -> Void) async throws {
        try await withPool { pool in
            try await pool.withSession { try await $0.execute(script: "CREATE TABLE numbers (number int8 PRIMARY KEY)") }
            try await body(pool)
        }
    }

    @Test func `is kept when its body returns`() async throws {
        try await withNumbers { pool in
            let inside = try await pool.withTransaction { transaction in
                try await transaction.query(insert, [.int8(1)])
                try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
                return try await transaction.pipelined([Query(insert, [.int8(2)]), Query(count)])[1][0].get(0, as: Int.self)
            }
            #expect(inside == 2)
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 2)
        }
    }

    @Test func `is undone when its body throws`() async throws {
        try await withNumbers { pool in
            await #expect(throws: Enough.self) {
                try await pool.withTransaction { transaction in
                    try await transaction.query(insert, [.int8(1)])
                    throw Enough()
                }
            }
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `fails when its body swallows a failure`() async throws {
        try await withNumbers { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.withTransaction { transaction in
                    try await transaction.query(insert, [.int8(1)])
                    do { try await transaction.query(insert, [.int8(1)]) } catch is PostgresError {}
                }
            }
            #expect(error?.kind == .server(.inFailedTransaction))
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `says which of its pipelined queries failed, from the first flight on`() async throws {
        try await withNumbers { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.withTransaction { try await $0.pipelined([Query(insert, [.int8(1)]), Query(insert, [.int8(1)]), Query(count)]) }
            }
            #expect(error?.failedQuery == 1 && error?.kind == .server(.uniqueViolation))
        }
    }

    @Test func `goes on after a value that couldn't be sent`() async throws {
        try await withNumbers { pool in
            try await pool.withTransaction { transaction in
                _ = await #expect(throws: PostgresError.self) { try await transaction.query(.echo, [.text("\0")]) }
                try await transaction.query(insert, [.int8(1)])
            }
            try await #expect(pool.query(count)[0].get(0, as: Int.self) == 1)
        }
    }

    @Test func `is undone and its long statement stopped when its task is cancelled`() async throws {
        try await withNumbers { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let error = await #expect(throws: PostgresError.self) {
                        try await pool.withTransaction { transaction in
                            try await transaction.query(insert, [.int8(1)])
                            try await transaction.query(Statement("sleep", "SELECT pg_sleep(600)"))
                        }
                    }
                    #expect(error?.kind == .cancelled)
                }
                let sleeping = Statement(
                    "sleeping", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")
                try await eventually { try await pool.query(sleeping)[0].get(0, as: Int.self) != 0 }
                group.cancelAll()
                try await group.waitForAll()
                try await #expect(pool.query(count)[0].get(0, as: Int.self) == 0)
                try await eventually { try await pool.query(sleeping)[0].get(0, as: Int.self) <= 0 }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A session` {
    @Test func `left in a transaction isn't lent again`() async throws {
        try await withPool({ $0.maximumConnections = 1 }) { pool in
            let pid = Statement("pid", "SELECT pg_backend_pid()")
            let first = try await pool.withSession { session in
                try await session.query(Statement("open", "BEGIN"))
                return try await session.query(pid)[0].get(0, as: Int.self)
            }
            let second = try await pool.withSession { session in try await session.query(pid)[0].get(0, as: Int.self) }
            let third = try await pool.withSession { session in try await session.query(pid)[0].get(0, as: Int.self) }
            #expect(first != second)
            #expect(second == third)
        }
    }

    @Test func `runs a script as one implicit transaction`() async throws {
        try await withPool { pool in
            try await pool.withSession { session in
                let error = await #expect(throws: PostgresError.self) {
                    try await session.execute(script: "CREATE TABLE a (); CREATE TABLE b (); SELECT 1/0;")
                }
                #expect(error?.kind == .server(.divisionByZero))
                try await #expect(session.query(Statement("a", "SELECT to_regclass('a') IS NULL"))[0].get(0, as: Bool.self))
                try await session.execute(script: "")
                try await session.execute(script: "CREATE TABLE a (); INSERT INTO a DEFAULT VALUES;")
                try await #expect(session.query(Statement("n", "SELECT count(*) FROM a"))[0].get(0, as: Int.self) == 1)
            }
        }
    }

    @Test func `refuses a COPY inside a script`() async throws {
        try await withPool { pool in
            try await pool.withSession { session in
                _ = await #expect(throws: PostgresError.self) {
                    try await session.execute(script: "CREATE TEMP TABLE t (a int); COPY t FROM STDIN; SELECT 1;")
                }
                try await #expect(session.query(.echo, [.int4(1)])[0].get(0, as: Int.self) == 1)
            }
            let error = await #expect(throws: PostgresError.self) {
                try await pool.withSession { try await $0.execute(script: "COPY (SELECT generate_series(1, 50000)) TO STDOUT") }
            }
            #expect(error?.kind == .configuration)
        }
    }
}
