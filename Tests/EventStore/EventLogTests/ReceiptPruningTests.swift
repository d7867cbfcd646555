import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Logging
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Receipts of commands` {
    private static let insertion = """
        INSERT INTO log.commands (id, digest, stream, version, last_position, recorded_at)
        SELECT gen_random_uuid(), '\\x', 'contract-' || gen_random_uuid(), 1, 1, clock_timestamp() -
        """

    private static func withPruning(_ body: @Sendable (LogUnderTest, ReceiptPruning) async throws -> Void) async throws {
        try await LogUnderTest.with { log in
            try await log.withPool(as: "annals_commands") { pool in
                try await body(log, ReceiptPruning(pool, clock: ManualClock(), logger: TestCluster.logger))
            }
        }
    }

    @Test func `go when they are older than a day, and stay when they are younger`() async throws {
        try await Self.withPruning { log, pruning in
            try await log.run("\(Self.insertion) interval '24 hours 1 minute' FROM generate_series(1, 30000)")
            try await log.run("\(Self.insertion) interval '23 hours 30 minutes' FROM generate_series(1, 500)")
            try await log.run("\(Self.insertion) interval '30 days' FROM generate_series(1, 30000)")
            #expect(try await pruning.prune() == 60_000)
            #expect(try await log.value("SELECT count(*) FROM log.commands") == "500")
            #expect(try await pruning.prune() == 0)
        }
    }

    @Test func `wait for their removal until the database allows it, which is told once`() async throws {
        try await LogUnderTest.with { log in
            try await log.run("\(Self.insertion) interval '2 days' FROM generate_series(1, 10)")
            try await log.run("REVOKE EXECUTE ON FUNCTION log.prune_receipts FROM annals_commands")
            let said = SpokenLog()
            try await log.withPool(as: "annals_commands") { pool in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await ReceiptPruning(pool, clock: ManualClock(), logger: said.logger).run() }
                    group.addTask {
                        #expect(await said.line(with: "could not be removed")?.hasPrefix("error ") == true)
                        #expect(await said.line(with: "could not be removed")?.hasPrefix("info ") == true)
                        try await log.run("GRANT EXECUTE ON FUNCTION log.prune_receipts TO annals_commands")
                        _ = await said.line(with: "receipts=10")
                    }
                    try await group.next()
                    group.cancelAll()
                }
            }
            #expect(try await log.value("SELECT count(*) FROM log.commands") == "0")
        }
    }

    @Test func `that are gone make a repeat a new command`() async throws {
        try await Self.withPruning { log, pruning in
            let (stream, key) = (EventStoreContract.stream(), CommandReceipt.Key(id: .v7(), digest: [1]))
            let request = EventStoreContract.request(to: stream, command: key)
            _ = try await log.store.append(request)
            #expect(try await pruning.prune() == 0)
            #expect(try await log.store.append(request).appended == nil)
            try await log.run("UPDATE log.commands SET recorded_at = recorded_at - interval '25 hours'")
            #expect(try await pruning.prune() == 1)
            #expect(try await log.store.load(stream, command: key.id).receipt == nil)
            #expect(try await log.store.append(request).appended?.version == 2)
        }
    }

    @Test(arguments: ["interval '0'", "interval '-30 days'", "NULL", "interval '23 hours'"]) func `stay for a day, whatever the command service asks`(
        age: String
    ) async throws {
        try await LogUnderTest.with { log in
            try await log.run("\(Self.insertion) interval '23 hours 30 minutes' FROM generate_series(1, 10)")
            try await log.run("\(Self.insertion) interval '24 hours 1 minute' FROM generate_series(1, 3)")
            try await log.run("SELECT log.prune_receipts(\(age), 0)", as: "annals_commands")
            #expect(try await log.value("SELECT count(*) FROM log.commands") == "10")
        }
    }

    @Test func `stay longer when that is asked`() async throws {
        try await LogUnderTest.with { log in
            try await log.run("\(Self.insertion) interval '2 days' FROM generate_series(1, 10)")
            try await log.run("SELECT log.prune_receipts(interval '3 days', 0)", as: "annals_commands")
            #expect(try await log.value("SELECT count(*) FROM log.commands") == "10")
        }
    }

    @Test(arguments: ["annals_projector", "annals_auth", "annals_queries"]) func `are pruned by no other service`(role: String) async throws {
        try await LogUnderTest.with { log in
            let error = await #expect(throws: PostgresError.self) { try await log.run("SELECT log.prune_receipts(interval '2 days', 0)", as: role) }
            #expect(error?.sqlState == .insufficientPrivilege)
        }
    }

    @Test(arguments: ["DELETE FROM log.commands", "UPDATE log.commands SET digest = ''", "TRUNCATE log.commands"])
    func `can't be changed in any other way`(sql: String) async throws {
        try await LogUnderTest.with { log in
            try await log.run("\(Self.insertion) interval '2 days' FROM generate_series(1, 10)")
            let error = await #expect(throws: PostgresError.self) { try await log.run(sql, as: "annals_commands") }
            #expect(error?.sqlState == .insufficientPrivilege)
        }
    }

    @Test func `are pruned a bounded piece at a time, by whole passes over any table`() async throws {
        try await LogUnderTest.with { log in
            #expect(try await log.value("SELECT next_block IS NULL AND removed = 0 FROM log.prune_receipts(NULL, 0)") == "true")
            try await log.run("\(Self.insertion) interval '2 days' FROM generate_series(1, 30000)")
            let blocks = try #require(Int(try await log.value("SELECT pg_relation_size('log.commands') / 8192")))
            #expect(blocks > 256)
            #expect(try await log.value("SELECT next_block FROM log.prune_receipts(NULL, 0)") == "128")
            // The rows behind the first 128 blocks are left.
            #expect(try await log.value("SELECT min((ctid::text::point)[0]) >= 128 FROM log.commands") == "true")
            #expect(try await log.value("SELECT next_block IS NULL AND removed = 0 FROM log.prune_receipts(NULL, \(blocks + 5))") == "true")
            #expect(try await log.value("SELECT next_block FROM log.prune_receipts(NULL, -7)") == "128")
        }
    }

    @Test func `are pruned by several processes at once, while others append`() async throws {
        try await Self.withPruning { log, pruning in
            try await log.run("\(Self.insertion) interval '2 days' FROM generate_series(1, 40000)")
            let removed = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 { group.addTask { try await pruning.prune() } }
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<20 { _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream())) }
                        return 0
                    }
                }
                return try await group.reduce(0, +)
            }
            // A row that one prune skips because another is at it is removed by that one: each goes once.
            #expect(removed == 40_000)
            #expect(try await log.value("SELECT count(*) FROM log.commands") == "160")
        }
    }

    @Test func `are pruned without the lock that appends take`() async throws {
        try await LogUnderTest.with { log in
            try await log.run("\(Self.insertion) interval '2 days' FROM generate_series(1, 10)")
            try await log.withPool(as: nil) { pool in
                try await pool.withTransaction { session in
                    try await session.query(Statement("lock", "SELECT FROM log.append_lock FOR UPDATE"))
                    try await log.run("SET lock_timeout = '1s'; SELECT log.prune_receipts(NULL, 0)", as: "annals_commands")
                }
            }
            #expect(try await log.value("SELECT count(*) FROM log.commands") == "0")
        }
    }
}
