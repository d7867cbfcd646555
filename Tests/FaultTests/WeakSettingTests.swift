import AppendLines
import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import Postgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(15))) struct `A database that is set not to wait for the disk` {
    @Test func `loses nothing acknowledged when its server is killed`() async throws {
        try await DurableServer.with { server in
            try await ConnectionPool.withPool(server.log, limits: .patient, logger: TestCluster.logger) { pool in
                try await pool.withSession { try await $0.execute(script: "ALTER DATABASE log SET synchronous_commit = off") }
            }
            var acknowledged: Int64 = 0
            for _ in 1...4 {
                try await LogUnderFire.running(on: server, "writer") { store in
                    for _ in 1...50 {
                        guard case .appended = try await store.append(EventStoreContract.request(to: EventStoreContract.stream())) else {
                            throw EventStoreError.broken(reason: "a new stream was refused")
                        }
                    }
                    // At once, before the server's background writer comes by.
                    try await server.crash()
                }
                acknowledged += 50
                let expected = acknowledged
                try await LogUnderFire.running(on: server, "reader") { store in
                    let head = try await store.head()
                    #expect(head == expected)
                }
            }
        }
    }
}
