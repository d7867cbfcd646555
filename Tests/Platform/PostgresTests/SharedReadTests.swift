import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Reads of many callers` {
    private static let reciprocal = Statement("reciprocal", "SELECT 1000 / $1, now()::text")

    @Test(arguments: [PreparationMode.named, .unnamed])
    func `get each its own answer, and the one that fails fails alone`(mode: PreparationMode) async throws {
        try await withPool(multiplexed: 1, { $0.prepare = mode }) { pool in
            let outcomes = await outcomes(of: Array(-150..<150), in: pool)
            for (number, outcome) in outcomes {
                switch outcome {
                case .success(let value): #expect(number != 0 && value == 1000 / number)
                case .failure(let error): #expect(number == 0 && error.kind == .server(.divisionByZero) && error.statementName == "reciprocal")
                }
            }
            #expect(outcomes.count == 300)
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `all get an answer when every second one fails`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let outcomes = await outcomes(of: (0..<200).map { $0 % 2 * $0 }, in: pool)
            #expect(outcomes.count == 200)
            for (number, outcome) in outcomes {
                if case .success(let value) = outcome { #expect(number != 0 && value == 1000 / number) } else { #expect(number == 0) }
            }
        }
    }

    @Test func `leave in one transaction when they have gathered behind others`() async throws {
        try await withPool(multiplexed: 1) { pool in
            try await pool.withSession { gate in
                try await gate.query(.lock)
                let times = try await withThrowingTaskGroup(of: String?.self) { group in
                    // Each of the two is a group of its own, since nothing had gathered.
                    for _ in 0..<2 {
                        group.addTask {
                            _ = try await pool.read(.lockAndUnlock)
                            return nil
                        }
                        try await eventually { pool.statistics.inUse >= 2 }
                    }
                    // Seen by another connection: the groups before them are at the server, waiting.
                    try await eventually { try await gate.query(.waitingForLock)[0].get(0, as: Int.self) != 0 }
                    let (begun, ticks) = AsyncStream<Void>.makeStream()
                    for number in Int32(1)...20 {
                        group.addTask {
                            ticks.yield()
                            return try await pool.read(Self.reciprocal, [.int4(number)])[0].get(1)
                        }
                    }
                    // Those that begin only when the lock is free would find nobody to leave with.
                    for await _ in begun.prefix(20) {}
                    try await gate.query(.unlock)
                    return try await group.reduce(into: [String]()) { times, time in if let time { times.append(time) } }
                }
                #expect(times.count == 20)
                #expect(Set(times).count < 20)
            }
        }
    }

    @Test func `are not held up by one whose caller has gone`() async throws {
        try await withPool(multiplexed: 1) { pool in
            try await pool.withSession { gate in
                try await gate.query(.lock)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await pool.read(.lockAndUnlock) }
                    try await eventually { try await gate.query(.waitingForLock)[0].get(0, as: Int.self) != 0 }
                    for number in Int32(1)...40 {
                        group.addTask {
                            await withTaskGroup(of: Result<Int32, PostgresError>.self) { inner in
                                inner.addTask { await Self.outcome(of: number, in: pool) }
                                if number % 2 == 0 { inner.cancelAll() }
                                switch await inner.next() {
                                case .success(let value): #expect(value == 1000 / number)
                                case .failure(let error): #expect(number % 2 == 0 && error.kind == .cancelled)
                                case nil: Issue.record("no outcome")
                                }
                            }
                        }
                    }
                    try await gate.query(.unlock)
                    try await group.waitForAll()
                }
            }
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `refuse one that can't be prepared, or whose values can't be sent, and answer the others`() async throws {
        try await withPool(multiplexed: 1) { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in Int32(1)...60 {
                    group.addTask {
                        switch number % 3 {
                        case 0:
                            let error = await #expect(throws: PostgresError.self) {
                                _ = try await pool.read(Statement("nowhere", "SELECT 1 FROM nowhere"))
                            }
                            #expect(error?.kind == .server(.undefinedTable))
                        case 1:
                            let many = [SQLValue](repeating: .int4(1), count: 70_000)
                            let error = await #expect(throws: PostgresError.self) { _ = try await pool.read(.echo, many) }
                            #expect(error?.kind == .configuration)
                        default:
                            let answer: Int32 = try await pool.read(.echo, [.int4(number)])[0].get(0)
                            #expect(answer == number)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `end with the connection that they were sent on, and later ones have a new one`() async throws {
        try await withPool(multiplexed: 1) { pool in
            await withTaskGroup(of: Void.self) { group in
                for number in Int32(1)...100 {
                    group.addTask {
                        if number == 50 {
                            _ = await #expect(throws: PostgresError.self) {
                                _ = try await pool.read(Statement("suicide", "SELECT pg_terminate_backend(pg_backend_pid())"))
                            }
                            return
                        }
                        switch await Self.outcome(of: number, in: pool) {
                        case .success(let value): #expect(value == 1000 / number)
                        case .failure(let error): #expect(error.isTransient)
                        }
                    }
                }
            }
            let later: Int32 = try await pool.read(Self.reciprocal, [.int4(10)])[0].get(0)
            #expect(later == 100)
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    private func outcomes(of numbers: [Int32], in pool: ConnectionPool) async -> [(Int32, Result<Int32, PostgresError>)] {
        await withTaskGroup(of: (Int32, Result<Int32, PostgresError>).self) { group in
            for number in numbers { group.addTask { (number, await Self.outcome(of: number, in: pool)) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    private static func outcome(of number: Int32, in pool: ConnectionPool) async -> Result<Int32, PostgresError> {
        do throws(PostgresError) {
            let row = try await pool.read(reciprocal, [.int4(number)])[0]
            return .success((try? row.get(0, as: Int32.self)) ?? 0)
        } catch {
            return .failure(error)
        }
    }
}
