import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A log whose database refuses a statement` {
    @Test func `says which, and not that the request was wrong`() async throws {
        try await LogUnderTest.with { log in
            try await log.run("REVOKE SELECT ON log.events FROM annals_commands")
            let error = await #expect(throws: EventStoreError.self) { try await log.store.load(EventStoreContract.stream()) }
            guard case .refused(let statement, let reason)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(statement == "log_load_stream" && reason.contains("42501"))
        }
    }

    @Test func `goes on telling of its growth once it may again`() async throws {
        try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/log") { owner in
            let said = SpokenLog()
            try await PostgresEventStore.running(on: owner, EventStoreContract.catalog, logger: said.logger) { store in
                try await run("REVOKE EXECUTE ON FUNCTION pg_notify FROM PUBLIC", in: owner)
                _ = try await store.append(EventStoreContract.request(to: EventStoreContract.stream()))
                #expect(await said.line(with: "a notification was not sent")?.hasPrefix("error ") == true)
                // The poll of a reader that waits is refused, too.
                try await run("REVOKE SELECT ON log.events FROM annals_commands", in: owner)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await store.waitForEvents(after: 1) }
                    #expect(await said.line(with: "the log's head could not be read")?.hasPrefix("error ") == true)
                    try await run("GRANT EXECUTE ON FUNCTION pg_notify TO PUBLIC; GRANT SELECT ON log.events TO annals_commands", in: owner)
                    _ = try await store.append(EventStoreContract.request(to: EventStoreContract.stream()))
                    try await group.next()
                }
            }
        }
    }

    private func run(_ sql: String, in owner: ConnectionTarget) async throws {
        try await ConnectionPool.withPool(owner, limits: .patient, logger: TestCluster.logger) { pool in
            try await pool.withSession { try await $0.execute(script: sql) }
        }
    }
}
