import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A listener` {
    private let notify = Statement("notify", "SELECT pg_notify($1, $2)")
    private let terminate = Statement(
        "terminate",
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'listening'")

    @Test func `hears its channels and survives the loss of its connection`() async throws {
        try await TestCluster.withDatabase { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                let channel = "odd \"channel\""
                var listening = target
                listening.applicationName = "listening"
                let listener = Listener(listening, channels: ["other", channel], logger: TestCluster.logger)
                let (events, report) = AsyncStream<ListenEvent>.makeStream()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await listener.run { report.yield($0) } }
                    var heard = events.makeAsyncIterator()
                    for round in 1...2 {
                        #expect(await heard.next() == .connected)
                        try await pool.query(notify, [.text(channel), .text("payload \(round)")])
                        #expect(await heard.next() == .notification(channel: channel, payload: "payload \(round)"))
                        // The one before may not have gone quite.
                        try await #expect(pool.query(terminate)[0].get(0, as: Int.self) >= 1)
                    }
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `gives up on a database that isn't there only when cancelled`() async throws {
        let target = ConnectionTarget(socketDirectory: "/nowhere", port: 1, user: "nobody", database: "none")
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Listener(target, channels: ["c"], logger: TestCluster.logger).run { _ in } }
            group.cancelAll()
            let end = await group.nextResult()
            #expect(throws: (any Error).self) { try end?.get() }
        }
    }
}
