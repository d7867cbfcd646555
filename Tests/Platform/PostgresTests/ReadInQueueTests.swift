import Deadlines
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A read whose answer is a call in a queue` {
    private let terminate = Statement(
        "terminate", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")

    /// Has two reads wait on the connection for a lock that the gate holds: what follows gathers behind them.
    private func holdUp(_ pool: ConnectionPool, by gate: Session, _ queue: HandQueue, _ answers: Answers) async throws {
        for number in Int32(1)...2 { pool.read(.lockAndUnlock, in: queue.queue, answers.take(number)) }
        // They come to the queue once before: with the connection that they waited for.
        try await eventually {
            queue.run()
            return try await gate.query(.waitingForLock)[0].get(0, as: Int.self) != 0
        }
    }

    @Test(arguments: [PreparationMode.named, .unnamed])
    func `gets its own answer in its own queue, and fails alone`(mode: PreparationMode) async throws {
        try await withPool(multiplexed: 1, { $0.prepare = mode }) { pool in
            let (queues, answers) = ([HandQueue(), HandQueue()], [Answers(), Answers()])
            for number in Int32(-50)..<50 {
                let index = Int(number & 1)
                pool.read(.reciprocal, [.int4(number)], in: queues[index].queue, answers[index].take(number))
            }
            #expect(answers.allSatisfy { $0.all.isEmpty })
            for (index, queue) in queues.enumerated() {
                // Those that had to wait for a connection come to the queue twice.
                try await eventually {
                    queue.run()
                    return answers[index].all.count == 50
                }
                for (number, outcome) in answers[index].all {
                    #expect(Int(number & 1) == index)
                    switch outcome {
                    case .success(let value): #expect(number != 0 && value == 1000 / number)
                    case .failure(let error): #expect(number == 0 && error.kind == .server(.divisionByZero) && error.statementName == "reciprocal")
                    }
                }
            }
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `comes in one piece with the others of its group and queue, in their order`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let (gates, even, odd) = (HandQueue(), HandQueue(), HandQueue())
            let (gateAnswers, evenAnswers, oddAnswers) = (Answers(), Answers(), Answers())
            // The connection is there before anybody asks for it.
            try await pool.query(.echo, [.int4(0)])
            try await pool.withSession { gate in
                try await gate.query(.lock)
                // Each of the two is a group of its own, since nothing had gathered.
                try await holdUp(pool, by: gate, gates, gateAnswers)
                for number in Int32(1)...40 {
                    let (queue, answers) = number % 2 == 0 ? (even, evenAnswers) : (odd, oddAnswers)
                    pool.read(.reciprocal, [.int4(number)], in: queue.queue, answers.take(number))
                }
                try await gate.query(.unlock)
            }
            try await eventually { even.count == 20 && odd.count == 20 }
            #expect(even.sizes == [20] && odd.sizes == [20])
            for queue in [gates, even, odd] { queue.run() }
            #expect(evenAnswers.all.map { $0.number } == Array(stride(from: Int32(2), through: 40, by: 2)))
            #expect(oddAnswers.all.map { $0.number } == Array(stride(from: Int32(1), through: 39, by: 2)))
            #expect(evenAnswers.all.allSatisfy { (try? $0.outcome.get()) == 1000 / $0.number })
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `shares its group with the reads of tasks`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let (queue, answers) = (HandQueue(), Answers())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in Int32(1)...100 {
                    pool.read(.reciprocal, [.int4(number)], in: queue.queue, answers.take(number))
                    group.addTask {
                        let value = try await pool.read(.echo, [.int4(number)])[0].get(0, as: Int32.self)
                        #expect(value == number)
                    }
                }
                try await eventually {
                    queue.run()
                    return answers.all.count == 100
                }
                try await group.waitForAll()
            }
            #expect(answers.all.allSatisfy { (try? $0.outcome.get()) == 1000 / $0.number })
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `goes to another connection when its own is lost before it has left`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let (queue, gates, answers, gateAnswers) = (HandQueue(), HandQueue(), Answers(), Answers())
            try await pool.query(.echo, [.int4(0)])
            try await pool.withSession { gate in
                try await gate.query(.lock)
                try await holdUp(pool, by: gate, gates, gateAnswers)
                // They gather behind the two.
                for number in Int32(1)...10 { pool.read(.reciprocal, [.int4(number)], in: queue.queue, answers.take(number)) }
                try await gate.query(terminate)
                // The first answer says that the connection is lost; the queue then tries another.
                try await eventually {
                    queue.run()
                    return answers.all.count == 10
                }
                #expect(answers.all.allSatisfy { (try? $0.outcome.get()) == 1000 / $0.number })
                try await eventually {
                    gates.run()
                    return gateAnswers.all.count == 2
                }
                // Those had left, and nobody knows what became of them.
                #expect(gateAnswers.kinds.allSatisfy { $0 != nil })
                try await gate.query(.unlock)
            }
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test(arguments: [PreparationMode.named, .unnamed])
    func `is prepared anew when the server has dropped its statement`(mode: PreparationMode) async throws {
        try await withPool(multiplexed: 1, { $0.prepare = mode }) { pool in
            let (queue, answers) = (HandQueue(), Answers())
            for number in Int32(1)...3 {
                pool.read(.echo, [.int4(number)], in: queue.queue, answers.take(number))
                try await eventually {
                    queue.run()
                    return answers.all.count == Int(number)
                }
                try await pool.query(Statement("deallocate", "DEALLOCATE ALL"))
            }
            #expect(answers.values == [1, 2, 3])
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `is refused in its queue when it can't be prepared or its values can't be sent`() async throws {
        try await withPool(multiplexed: 1) { pool in
            let (queue, answers) = (HandQueue(), Answers())
            try await pool.query(.echo, [.int4(0)])
            pool.read(Statement("nowhere", "SELECT 1 FROM nowhere"), in: queue.queue, answers.take(1))
            pool.read(.echo, [SQLValue](repeating: .int4(1), count: 70_000), in: queue.queue, answers.take(2))
            pool.read(.echo, [.int4(3)], in: queue.queue, answers.take(3))
            // Never on the stack of its caller, however early it is known.
            #expect(answers.all.isEmpty)
            try await eventually {
                queue.run()
                return answers.all.count == 3
            }
            let kinds = Dictionary(uniqueKeysWithValues: zip(answers.all.map { $0.number }, answers.kinds))
            #expect(kinds == [1: .server(.undefinedTable), 2: .configuration, 3: nil])
            try await eventually { pool.statistics.inUse == 0 }
        }
    }

    @Test func `waits for a connection, and is refused once the pool is closed`() async throws {
        try await TestCluster.withDatabase { target in
            let pool = ConnectionPool(target, limits: .patient, logger: TestCluster.logger)
            let (queue, answers) = (HandQueue(), Answers())
            for number in Int32(1)...3 { pool.read(.echo, [.int4(number)], in: queue.queue, answers.take(number)) }
            #expect(pool.statistics.waiting == 3 && queue.count == 0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await pool.run() }
                try await eventually {
                    queue.run()
                    return answers.all.count == 3
                }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(answers.values == [1, 2, 3])
            pool.read(.echo, [.int4(4)], in: queue.queue, answers.take(4))
            #expect(answers.all.count == 3)
            try await eventually {
                queue.run()
                return answers.all.count == 4
            }
            #expect(answers.kinds == [nil, nil, nil, .connection])
        }
    }

    @Test func `waits no longer when the server does not let its account in`() async throws {
        let target = try await TestCluster.shared.target(database: "postgres").login("a_stranger")
        let pool = ConnectionPool(target, limits: .patient, logger: TestCluster.logger)
        let (queue, answers) = (HandQueue(), Answers())
        pool.read(.echo, [.int4(1)], in: queue.queue, answers.take(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            try await eventually {
                queue.run()
                return answers.all.count == 1
            }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(answers.kinds == [.connection])
    }

    @Test func `waits for a connection no longer than its request has time`() async throws {
        try await withPool({
            $0.maximumConnections = 1
            $0.acquireTimeout = .seconds(3600)
        }) { pool in
            try await pool.withSession { _ in
                let (queue, answers) = (HandQueue(), Answers())
                pool.read(.echo, [.int4(1)], in: queue.queue, until: Deadline(.now + .seconds(1)), answers.take(1))
                #expect(pool.statistics.waiting == 1)
                try await eventually {
                    queue.run()
                    return answers.all.count == 1
                }
                #expect(answers.kinds == [.poolTimeout] && pool.statistics.waiting == 0)
            }
        }
    }
}
