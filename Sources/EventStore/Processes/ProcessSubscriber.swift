package import EventSourcing
package import Logging
package import Postgres
package import Subscribers

/// Runs the processes of a log under a lease: follows it, and does what is due by the clock.
package struct ProcessSubscriber: Sendable {
    /// Between two looks at what is due. A look is one index probe.
    private static let pace = Duration.milliseconds(250)
    /// Each look moves the checkpoint by a transaction of its own.
    private static let gathering = Gathering(within: .milliseconds(25))

    private let managers: [any ProcessManager]
    private let log: any EventStore
    private let journal: any ProcessJournal
    private let pool: ConnectionPool
    private let leased: LeasedSubscriber
    private let logger: Logger

    /// The instances that are not over, while this process runs them.
    package let census: ProcessCensus

    /// - Parameters:
    ///   - log: the log, to be followed.
    ///   - journal: where the processes' own streams are kept, in the same log.
    ///   - pool: the log's database as the relay.
    package init(_ managers: [any ProcessManager], log: any EventStore, journal: any ProcessJournal, pool: ConnectionPool, logger: Logger) {
        self.managers = managers
        self.log = log
        self.journal = journal
        self.pool = pool
        self.logger = logger
        leased = LeasedSubscriber("processes", pool, logger: logger)
        census = ProcessCensus(of: managers.map(\.kind), logger: logger)
    }

    package func run() async throws { try await leased.run { try await self.work(under: $0) } }

    package func release() async { await leased.release() }

    package var status: LeasedSubscriber.Status { leased.status }

    /// The instances that are stuck now, at most 100, wherever they are run.
    package func stuck() async throws -> [ProcessRow] { try await PostgresProcessTable.stuck(at: .now, in: pool) }

    private func work(under lease: SubscriberLease) async throws {
        let runner = ProcessRunner(managers, journal: journal, table: PostgresProcessTable(pool, under: lease), logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.follow(lease, runner) }
            group.addTask { try await self.census.run(in: self.pool) }
            group.addTask { try await runner.run(lookingEvery: Self.pace) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func follow(_ lease: SubscriberLease, _ runner: ProcessRunner) async throws {
        let checkpoint = lease.checkpoint
        do {
            for try await page in log.subscribe(after: checkpoint.position, lastEvent: checkpoint.event, gathering: Self.gathering) {
                for event in page { try await runner.take(event) }
                guard let last = page.last else { continue }
                let advance = lease.advance(to: last)
                try await pool.query(advance.statement, advance.values)
                lease.moved(to: last)
            }
        } catch let error as EventStoreError where error.absence == nil {
            throw SubscriberStop("\(error)")
        } catch let error as EventDecodingError {
            throw SubscriberStop("\(error)")
        }
    }
}
