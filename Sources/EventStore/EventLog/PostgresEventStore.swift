import Deadlines
package import EventSourcing
package import FoundationEssentials
package import Logging
package import Postgres
package import Vault

/// The event log on PostgreSQL.
///
/// `run()` must be running for appends to be sent, and its `HeadWatch` for readers to be woken.
package final class PostgresEventStore: EventStore {
    let pool: ConnectionPool
    let catalog: EventCatalog
    private let sealing: SealingEdge
    private let hasher: (any KeyedHasher)?
    private let commits: GroupCommit
    private let head: HeadWatch
    private let notifier: CommitNotifier

    /// - Parameters:
    ///   - pool: connections in a role that may read the log.
    ///   - appends: connections in a role that may execute the append function, with `PoolLimits.appends`; nil for the same as `pool`.
    ///   - vault: opens and seals personal fields; without it they read as null and nothing personal can be appended.
    ///   - hasher: hashes the values of claims; without it none can be taken or looked up.
    ///   - form: how readers get events.
    package init(
        _ pool: ConnectionPool, appends: ConnectionPool? = nil, head: HeadWatch, vault: KeyVault?, hasher: (any KeyedHasher)?, catalog: EventCatalog,
        form: EventForm = .opened, limits: AppendLimits = AppendLimits(), logger: Logger
    ) {
        self.pool = pool
        self.hasher = hasher
        self.head = head
        self.catalog = catalog
        sealing = SealingEdge(vault: vault, hasher: hasher, catalog: catalog, form: form)
        notifier = CommitNotifier(pool, logger: logger)
        commits = GroupCommit(appends ?? pool, limits: limits, logger: logger) { [notifier] position in
            // Readers in this process need no round trip through the database to learn of it.
            head.advance(to: position)
            notifier.announce(position)
        }
    }

    /// Sends appends and tells other processes of them. Runs until cancelled; appends that wait then are refused as unavailable.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.commits.run() }
            group.addTask { try await self.notifier.run() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// How many requests were appended through this store, in how many batches.
    package var appendStatistics: AppendStatistics { commits.statistics }

    /// Appends that wait to be sent, and how many may before further ones are refused.
    package var appendLoad: (waiting: Int, limit: Int) { commits.load }

    package func append(_ request: AppendRequest) async throws -> AppendOutcome {
        try await commits.append(try await sealing.seal(request))
    }

    package func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        let values: [SQLValue] = [.text(stream.description), .int4(Int32(version)), .int8(Int64(limit))]
        guard let command else {
            let rows = try await reading { try await pool.query(.loadStream, values) }
            let page = try StoredPage(rows, limit: limit)
            return LoadedStream(events: try await opened(page.events), receipt: nil, isLast: page.isLast)
        }
        let rows = try await reading { try await pool.query(.loadStreamAndCommand, values + [.uuid(command)]) }
        let receipt = try rows.first.flatMap { $0.isNull(0) ? nil : try CommandReceipt(row: $0, id: command) }
        // A receipt acknowledges its command. In a session of its own: what waits for a standby must hold up no read.
        if receipt != nil { try await reading { try await pool.withSession { _ = try await $0.query(.confirm) } } }
        let page = try StoredPage(rows.filter { !$0.isNull(6) }, from: 6, limit: limit)
        return LoadedStream(events: try await opened(page.events), receipt: receipt, isLast: page.isLast)
    }

    package func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] {
        let known = head.known
        let values: [SQLValue] = [.int8(position + 1), .int8(.max), .int8(Int64(limit))]
        let page = try StoredPage(await reading { try await pool.query(.readLog(.forwards), values) }, limit: limit)
        // A page that is not full ends at the head.
        if page.isLast { head.correct(known, to: page.events.last?.position ?? position) }
        return try await opened(page.events)
    }

    package func head() async throws -> Int64 { try await reading { try await head.refresh() } }

    /// Throws `ClockBehindLog` while the database's clock is a second or more behind the last event's time: events can't be told apart by time then.
    package func confirmClock() async throws {
        let lag = try await reading { try await pool.query(.clockLag) }.first?.get(0, as: Int64.self) ?? 0
        if lag >= 1 { throw ClockBehindLog(lag: .seconds(lag)) }
    }

    package func waitForEvents(after position: Int64) async throws { try await head.wait(past: position) }

    package func holder(of kind: ClaimKind, value: String) async throws -> StreamName? {
        guard let hasher else { throw EventStoreError.broken(reason: "this reader of the log knows no claims") }
        let rows = try await reading { try await pool.query(.claimHolder, [.text(kind.rawValue), .bytes(hasher.hash([kind.rawValue, value]))]) }
        return try rows.first.flatMap { StreamName(try $0.get(0, as: String.self)) }
    }

    /// The keyed hashes of the values that streams hold of this kind now; a stream that holds none is left out.
    package func currentClaims(_ kind: ClaimKind, of streams: Set<StreamName>) async throws -> [StreamName: [UInt8]] {
        let names = streams.map { Optional($0.description) }
        let rows = try await reading { try await pool.query(.currentClaims, [.texts(names), .text(kind.rawValue)]) }
        var claims: [StreamName: [UInt8]] = [:]
        for row in rows {
            if let stream = StreamName(try row.get(0, as: String.self)) { claims[stream] = try row.get(1) }
        }
        return claims
    }

    func opened(_ events: [RecordedEvent]) async throws -> [RecordedEvent] { try await sealing.open(events) }

    /// A read may be asked again safely: a connection that died unnoticed costs its callers a moment, not an error. A database that is away costs
    /// them no more than the pool's patience and a second.
    func reading<Value>(_ body: () async throws -> Value) async throws -> Value {
        let start = ContinuousClock.now
        var pause = Duration.milliseconds(10)
        while true {
            do {
                return try await body()
            } catch let error as PostgresError {
                if Task.isCancelled || Deadline.hasPassed { throw CancellationError() }
                if let refusal = EventStoreError(refusal: error) { throw refusal }
                guard error.isTransient || error.outcomeUnknown else { throw error }
                guard ContinuousClock.now - start < .seconds(1) else { throw EventStoreError.unavailable(reason: error.description) }
                try await Task.sleep(for: pause * Double.random(in: 0.5...1.5))
                pause *= 3
            }
        }
    }
}

extension EventStoreError {
    /// The server's refusal of a statement; nil for what may pass by itself, and for faults of this program.
    init?(refusal error: PostgresError) {
        guard case .server = error.kind, !error.isTransient, !error.outcomeUnknown else { return nil }
        self = .refused(statement: error.statementName ?? "a statement", reason: error.description)
    }
}

/// The database's clock was set back, or the one before it was ahead: new events get the last event's time until it has caught up.
package struct ClockBehindLog: Error, CustomStringConvertible {
    package let lag: Duration

    package var description: String { "the clock of the log's database is \(lag) behind the last event" }
}
