import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A pool` {
    private let pid = Statement("pid", "SELECT pg_backend_pid()")

    @Test func `lends no more connections than it may and says so when nobody gives one back`() async throws {
        try await withPool({
            $0.maximumConnections = 2
            // Enough to connect twice, however slow the machine is.
            $0.acquireTimeout = .seconds(30)
        }) { pool in
            try await pool.withSession { _ in
                try await pool.withSession { _ in
                    let error = await #expect(throws: PostgresError.self) { try await pool.withSession { _ in } }
                    #expect(error?.kind == .poolTimeout && error?.isTransient == true)
                    #expect(pool.statistics == PoolStatistics(open: 2, idle: 0, inUse: 2, waiting: 0))
                }
            }
        }
    }

    @Test func `lets queries wait for run`() async throws {
        try await TestCluster.withDatabase { target in
            let pool = ConnectionPool(target, limits: .patient, logger: TestCluster.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await #expect(pool.query(.echo, [.int4(1)])[0].get(0, as: Int.self) == 1)
                }
                try await eventually { pool.statistics.waiting > 0 }
                group.addTask { try await pool.run() }
                try await group.next()
                group.cancelAll()
            }
            let error = await #expect(throws: PostgresError.self) { try await pool.query(.echo, [.int4(1)]) }
            #expect(error?.kind == .connection)
        }
    }

    @Test func `gives up on a database that isn't there after the time to wait`() async throws {
        let target = ConnectionTarget(socketDirectory: "/nowhere", port: 1, user: "nobody", database: "none")
        var limits = PoolLimits()
        // Enough to fail to connect once, however slow the machine is.
        limits.acquireTimeout = .seconds(10)
        try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { pool in
            let error = await #expect(throws: PostgresError.self) { try await pool.query(.echo, [.int4(1)]) }
            #expect(error?.kind == .connection && error?.isTransient == true && error?.outcomeUnknown == false)
        }
    }

    @Test func `gives up at once on a role that doesn't exist`() async throws {
        try await TestCluster.withDatabase { target in
            var target = target
            target.role = "nobody_by_that_name"
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                let error = await #expect(throws: PostgresError.self) { try await pool.query(.echo, [.int4(1)]) }
                #expect(error?.isTransient == false)
            }
        }
    }

    @Test func `makes its target's settings on every connection`() async throws {
        try await TestCluster.withDatabase { target in
            var target = target
            target.role = "pg_monitor"
            target.applicationName = "an odd 'name'"
            target.settings = ["lock_timeout": "1234ms"]
            var limits = PoolLimits.patient
            limits.statementTimeout = PoolLimits().statementTimeout
            try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { pool in
                let settings = Statement(
                    "settings",
                    "SELECT current_user, current_setting('application_name'), current_setting('lock_timeout'), current_setting('statement_timeout')")
                let row = try await pool.withSession { try await $0.query(settings)[0] }
                let values = try (0..<4).map { try row.get($0, as: String.self) }
                #expect(values == ["pg_monitor", "an odd 'name'", "1234ms", "30s"])
            }
        }
    }

    @Test func `frees a waiter who is cancelled`() async throws {
        try await withPool({ $0.maximumConnections = 1 }) { pool in
            try await pool.withSession { _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        let error = await #expect(throws: PostgresError.self) { try await pool.withSession { _ in } }
                        #expect(error?.kind == .cancelled && error?.outcomeUnknown == false)
                    }
                    try await eventually { pool.statistics.waiting > 0 }
                    group.cancelAll()
                    try await group.waitForAll()
                }
                #expect(pool.statistics.waiting == 0)
            }
        }
    }

    @Test func `closes connections nobody uses`() async throws {
        try await withPool({ $0.idleTimeout = .milliseconds(20) }) { pool in
            try await pool.query(.echo, [.int4(1)])
            try await eventually { pool.statistics.open == 0 }
            try await #expect(pool.query(.echo, [.int4(1)])[0].get(0, as: Int.self) == 1)
        }
    }

    @Test func `replaces connections that have lived their time`() async throws {
        try await withPool({ $0.lifetime = .milliseconds(50) }) { pool in
            let first = try await pool.query(pid)[0].get(0, as: Int.self)
            try await eventually { try await pool.query(pid)[0].get(0, as: Int.self) != first }
        }
    }

    @Test func `serves many tasks at once through few connections`() async throws {
        try await withPool({ $0.pipelineDepth = 4 }) { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in Int32(0)..<64 {
                    group.addTask {
                        for round in Int32(0)..<20 {
                            let answer: Int32 = try await pool.query(.echo, [.int4(task * 100 + round)])[0].get(0)
                            #expect(answer == task * 100 + round)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually { pool.statistics.waiting == 0 && pool.statistics.inUse == 0 }
            #expect(pool.statistics.open == 2)
        }
    }
}
