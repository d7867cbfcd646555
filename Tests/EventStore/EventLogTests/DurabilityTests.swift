import EventLogTesting
import EventSourcing
import EventStoreTesting
import Postgres
import TestSupport
import Testing

@testable import EventLog

@Suite(.timeLimit(.minutes(15))) struct `An append in a session that need not wait for the disk` {
    @Test(arguments: [("off", "on"), ("local", "on"), ("on", "on"), ("remote_write", "remote_write"), ("remote_apply", "remote_apply")])
    func `waits all the same, and never for less than it would`(setting: String, raised: String) async throws {
        try await LogUnderTest.with { log in
            try await ConnectionPool.withPool(log.owner, limits: .patient, logger: TestCluster.logger) { database in
                let batch = AppendBatch()
                let seen = try await database.withTransaction { session in
                    try await session.execute(script: "SET LOCAL synchronous_commit = \(setting)")
                    try await session.query(.append, [.bool(false)] + batch.values)
                    return try await session.query(Statement("setting", "SHOW synchronous_commit"))[0].get(0, as: String.self)
                }
                #expect(seen == raised)
            }
        }
    }
}
