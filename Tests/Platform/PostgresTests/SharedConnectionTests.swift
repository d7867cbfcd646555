import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A shared connection` {
    @Test(arguments: [PreparationMode.named, .unnamed])
    func `answers twenty concurrent queries each with its own`(mode: PreparationMode) async throws {
        try await withPool(multiplexed: 1, { $0.prepare = mode }) { pool in
            let answers = try await withThrowingTaskGroup(of: (Int32, Int32).self) { group in
                for number in Int32(0)..<20 {
                    group.addTask { (number, try await pool.query(.echo, [.int4(number)])[0].get(0)) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count == 20)
            #expect(answers.allSatisfy { $0.0 == $0.1 })
            #expect(pool.statistics.open == 1)
        }
    }

    @Test func `lets one query fail alone`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let outcomes = await withTaskGroup(of: (Int32, Result<Int32, PostgresError>).self) { group in
                for number in Int32(0)..<20 {
                    group.addTask {
                        do throws(PostgresError) {
                            let row = try await pool.query(.reciprocal, [.int4(number - 7)])[0]
                            return (number, .success((try? row.get(0, as: Int32.self)) ?? 0))
                        } catch {
                            return (number, .failure(error))
                        }
                    }
                }
                return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            for (number, outcome) in outcomes {
                switch outcome {
                case .success(let value): #expect(number != 7 && value == 1000 / (number - 7))
                case .failure(let error): #expect(number == 7 && error.kind == .server(.divisionByZero) && error.statementName == "reciprocal")
                }
            }
            #expect(outcomes.count == 20)
        }
    }

    @Test func `leaves a cancelled query its place and gives the next one its own answer`() async throws {
        try await withPool(multiplexed: 1) { pool in
            try await pool.withSession { gate in
                try await gate.query(.lock)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let (submitted, submit) = AsyncStream<Void>.makeStream()
                    group.addTask {
                        await withTaskGroup(of: PostgresError.Kind?.self) { inner in
                            inner.addTask {
                                do throws(PostgresError) {
                                    try await pool.query(.lockAndUnlock)
                                    return nil
                                } catch {
                                    return error.kind
                                }
                            }
                            for await _ in submitted { break }
                            inner.cancelAll()
                            let kind = await inner.next() ?? nil
                            #expect(kind == .cancelled)
                        }
                    }
                    // Seen by another connection: the query is at the server, waiting.
                    try await eventually { try await gate.query(.waitingForLock)[0].get(0, as: Int.self) != 0 }
                    group.addTask {
                        let answer: Int32 = try await pool.query(.echo, [.int4(42)])[0].get(0)
                        #expect(answer == 42)
                    }
                    submit.yield()
                    submit.finish()
                    _ = try await group.next()
                    try await gate.query(.unlock)
                    try await group.waitForAll()
                }
            }
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `loses the outcome with the connection and works on over a new one`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.query(Statement("suicide", "SELECT pg_terminate_backend(pg_backend_pid())"))
            }
            #expect(error?.outcomeUnknown == true && error?.isTransient == true)
            let answer: Int32 = try await pool.query(.echo, [.int4(1)])[0].get(0)
            #expect(answer == 1)
        }
    }

    @Test func `ends a statement that takes too long`() async throws {
        try await withPool({ $0.statementTimeout = .seconds(1) }) { pool in
            let error = await #expect(throws: PostgresError.self) { try await pool.query(Statement("sleep", "SELECT pg_sleep(600)")) }
            #expect(error?.kind == .deadline && error?.sqlState == .queryCanceled)
        }
    }

    @Test func `refuses a NUL before anything is sent`() async throws {
        try await withPool { pool in
            let error = await #expect(throws: PostgresError.self) { try await pool.query(.echo, [.text("a\0b")]) }
            #expect(error?.kind == .configuration)
            let group = await #expect(throws: PostgresError.self) {
                try await pool.atomically([Query(.echo, [.text("a")]), Query(.echo, [.texts(["b", "\0"])])])
            }
            #expect(group?.failedQuery == 1)
            try await eventually { pool.statistics.inUse == 0 }
        }
    }
}
