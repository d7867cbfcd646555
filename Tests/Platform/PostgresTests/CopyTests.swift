import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A COPY` {
    private struct Enough: Error {}
    private let count = Statement("count", "SELECT count(*) FROM lines")

    private func withLines(_ body: @Sendable (Session) async throws -> Void) async throws {
        try await withPool { pool in
            try await pool.withSession { session in
                try await session.execute(script: "CREATE TABLE lines (number int PRIMARY KEY, text text)")
                try await body(session)
            }
        }
    }

    private func lines(_ numbers: Range<Int>) -> [UInt8] {
        Array(numbers.map { "\($0)\t\(String(repeating: "x", count: 50))\n" }.joined().utf8)
    }

    private func stream(_ chunks: [[UInt8]], then error: (any Error)? = nil) -> AsyncThrowingStream<[UInt8], any Error> {
        AsyncThrowingStream { continuation in
            for chunk in chunks { continuation.yield(chunk) }
            continuation.finish(throwing: error)
        }
    }

    @Test func `brings rows in and out unchanged, cut anywhere`() async throws {
        try await withLines { session in
            let all = lines(0..<50_000)
            let chunks = stride(from: 0, to: all.count, by: 70_001).map { Array(all[$0..<min($0 + 70_001, all.count)]) }
            try await #expect(session.copyIn("COPY lines FROM STDIN", stream(chunks)) == 50_000)
            var back: [UInt8] = []
            var pieces = 0
            try await session.copyOut("COPY (SELECT * FROM lines ORDER BY number) TO STDOUT") { chunk in
                back += chunk
                pieces += 1
            }
            #expect(back == all)
            #expect(pieces > 10)
            try await #expect(session.query(count)[0].get(0, as: Int.self) == 50_000)
        }
    }

    @Test func `takes a chunk larger than the socket`() async throws {
        try await withLines { session in
            try await #expect(session.copyIn("COPY lines FROM STDIN", stream([lines(0..<100_000)])) == 100_000)
        }
    }

    @Test func `keeps nothing when the server refuses a row midway`() async throws {
        try await withLines { session in
            let error = await #expect(throws: PostgresError.self) {
                try await session.copyIn("COPY lines FROM STDIN", stream([lines(0..<1000), lines(0..<1000), lines(2000..<9000)]))
            }
            #expect(error?.kind == .server(.uniqueViolation))
            try await #expect(session.query(count)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `keeps nothing when the client gives up midway`() async throws {
        try await withLines { session in
            await #expect(throws: Enough.self) {
                try await session.copyIn("COPY lines FROM STDIN", stream([lines(0..<1000)], then: Enough()))
            }
            try await #expect(session.query(count)[0].get(0, as: Int.self) == 0)
        }
    }

    @Test func `that isn't one is refused`() async throws {
        try await withLines { session in
            let error = await #expect(throws: PostgresError.self) { try await session.copyOut("SELECT 1") { _ in } }
            #expect(error?.kind == .configuration)
            let missing = await #expect(throws: PostgresError.self) { try await session.copyIn("COPY nowhere FROM STDIN", stream([])) }
            #expect(missing?.kind == .server(.undefinedTable))
            try await #expect(session.query(.echo, [.int4(1)])[0].get(0, as: Int.self) == 1)
        }
    }

    @Test func `that fails midway says so after the rows before`() async throws {
        try await withLines { session in
            let error = await #expect(throws: PostgresError.self) {
                try await session.copyOut("COPY (SELECT 1 / (100000 - n) FROM generate_series(1, 200000) AS n) TO STDOUT") { _ in }
            }
            #expect(error?.kind == .server(.divisionByZero))
            try await #expect(session.query(.echo, [.int4(1)])[0].get(0, as: Int.self) == 1)
        }
    }

    @Test func `given up by its consumer ends at the server`() async throws {
        try await withPool { pool in
            await #expect(throws: Enough.self) {
                try await pool.withSession { session in
                    try await session.copyOut("COPY (SELECT generate_series(1, 100000000)) TO STDOUT") { _ in throw Enough() }
                }
            }
            let copying = Statement("copying", "SELECT count(*) FROM pg_stat_progress_copy WHERE datname = current_database()")
            try await eventually { try await pool.query(copying)[0].get(0, as: Int.self) <= 0 }
        }
    }
}
