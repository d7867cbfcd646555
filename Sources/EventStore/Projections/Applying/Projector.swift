import EventSourcing
import Logging
import Postgres
import Synchronization

/// Keeps one read model's tables a fold of the log.
///
/// The folder's SQL and its checkpoint move in one transaction, so each event has its effect once, whatever dies in between.
final class Projector: Sendable {
    /// The model as its folder has it now; what is applied may be an older version.
    let model: ReadModel
    let catalog: EventCatalog
    let pool: ConnectionPool
    let feed: EventFeed
    let notifier: ReadModelNotifier
    let leases: LeaseKeeper
    let metrics: ProjectorMetrics
    let logger: Logger
    private let currentStatus: Mutex<ProjectorStatus>
    /// The position that was refused last, which is told in full once.
    let refused = Mutex<Int64?>(nil)
    /// What lasts longer than so many tries is no trouble of a moment, and is told.
    private static let patience = 3
    /// How often a projector that has stopped looks whether there are other tables.
    private static let lookInterval = Duration.seconds(2)

    /// - Parameter target: the read database, not through a pooler: the connections keep settings of their own.
    init(
        _ model: ReadModel, catalog: EventCatalog, target: ConnectionTarget, feed: EventFeed, notifier: ReadModelNotifier, leases: LeaseKeeper,
        metrics: ProjectorMetrics, logger: Logger
    ) {
        var logger = logger
        logger[metadataKey: "model"] = "\(model.name)"
        self.model = model
        self.catalog = catalog
        self.feed = feed
        self.notifier = notifier
        self.leases = leases
        self.metrics = metrics
        self.logger = logger
        pool = ConnectionPool(target.forReadModel(model.name), limits: .projector, logger: logger)
        currentStatus = Mutex(ProjectorStatus(model: model.name))
    }

    var status: ProjectorStatus { currentStatus.withLock { $0 } }

    func update(_ change: (inout ProjectorStatus) -> Void) {
        currentStatus.withLock { change(&$0) }
    }

    /// Makes the tables at first, then applies the log until cancelled. Throws `ReadModelError` when the folder's SQL does not prepare. When going on could only do
    /// harm it stops, says so in the checkpoint, and begins again once the model has other tables; whatever may pass is tried again for ever.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.pool.run() }
            group.addTask { try await self.project() }
            try await group.next()
            group.cancelAll()
        }
    }

    private func project() async throws {
        var delays = RetryDelays()
        var applied: AppliedVersion?
        var isStart = true
        while !Task.isCancelled {
            var current: Checkpoint?
            do {
                try await follow(&applied, &current, &delays, isStart: &isStart)
            } catch {
                // Others have moved it, as a swap does: nothing was tried in vain.
                if error is CheckpointMoved { delays.reset() }
                do {
                    try await recover(from: error, at: current, tries: delays.count + 1)
                    try await delays.wait()
                } catch let stop as ProjectorStop {
                    try await rest(after: stop, at: current)
                    delays.reset()
                }
            }
        }
    }

    /// Returns once the model has other tables than those that the projector has stopped at.
    private func rest(after stop: ProjectorStop, at stopped: Checkpoint?) async throws {
        update { $0.state = .stopped(reason: "\(stop)") }
        leases.abandon(model.name)
        logger.critical("the projector has stopped", metadata: ["reason": "\(stop)"])
        var isNoted = false
        while true {
            do {
                if !isNoted, let stopped { try await note(stop, at: stopped) }
                isNoted = true
                if let now = try await Checkpoint.read(model.name, from: pool), now.build != stopped?.build { break }
            } catch let error as PostgresError {
                try Task.checkCancellation()
                logger.debug("the checkpoint could not be read or written", metadata: ["reason": "\(error)"])
            }
            try await Task.sleep(for: Self.lookInterval)
        }
        update { $0.state = .starting }
        logger.notice("the read model has other tables: the projector begins again")
    }

    /// Applies what the log has, from the stored checkpoint on, once the lease is there. Ends by throwing; `current` is where it began.
    private func follow(
        _ adopted: inout AppliedVersion?, _ current: inout Checkpoint?, _ delays: inout RetryDelays, isStart: inout Bool
    ) async throws {
        try await createIfNew()
        let lease = try await leases.acquire(model.name, through: pool) {
            update { $0.state = .waiting }
            logger.info("another process keeps this read model; it is taken over when that ends")
        }
        // Read after the lease was got: until then the other one may have gone on.
        var checkpoint = try await readCheckpoint()
        checkpoint.lease = lease.token
        lease.moved(to: checkpoint.position)
        current = checkpoint
        let known = adopted?.build.number == checkpoint.build ? adopted : nil
        let applied = if let known { known } else { try await adopt(checkpoint, isStart: &isStart) }
        adopted = applied
        try await confirm(checkpoint)
        try await noteGoing(at: checkpoint)
        if checkpoint.isFailing, try await feed.event(at: checkpoint.position + 1) == nil {
            try await noteNothingFails(at: checkpoint)
            delays.reset()
        }
        update {
            if !checkpoint.isFailing || $0.state != .failed(position: checkpoint.position + 1) { $0.state = .applying }
            $0.version = applied.build.version
            $0.isStale = applied.isStale
            $0.position = checkpoint.position
        }
        defer { if lease.position > checkpoint.position { delays.reset() } }
        try await applyLog(to: applied.build, from: checkpoint, under: lease)
    }

    /// A log restored to an older state has another event there, or none, and may since have grown past it: its new events would silently be taken for the old ones.
    private func confirm(_ checkpoint: Checkpoint) async throws {
        guard try await feed.holds(checkpoint.eventID, at: checkpoint.position) else {
            throw ProjectorStop.logRewritten(position: checkpoint.position)
        }
    }

    /// Returns when trying again can help; throws what it can not.
    private func recover(from error: any Error, at checkpoint: Checkpoint?, tries: Int) async throws {
        try Task.checkCancellation()
        switch error {
        case is CancellationError, is ReadModelError, is ProjectorStop: throw error
        case let rewritten as LogRewritten: throw ProjectorStop.logRewritten(position: rewritten.position)
        case EventStoreError.broken(let reason): throw ProjectorStop.logBroken(reason: reason)
        case let unknown as UnknownEvent: throw ProjectorStop.unknownEvent(type: unknown.type, version: unknown.version)
        case is CheckpointMoved: await note(moved: error)
        case let error as PostgresError where error.sqlState == .checkpointMoved: await note(moved: error)
        case let error as PostgresError where !error.isTransient: await note(refusal: error)
        default:
            logger.warning("the projector tries again", metadata: ["reason": "\(error)"])
            if tries >= Self.patience, let checkpoint { await noteTrouble(after: checkpoint) }
        }
    }
}

extension ConnectionTarget {
    /// The projector's role, in the model's own schema, and nothing in the session that could change what a statement means.
    func forReadModel(_ schema: String) -> ConnectionTarget {
        var target = self
        target.role = "annals_projector"
        target.applicationName = "annals projector \(schema)"
        target.settings["search_path"] = schema
        target.settings["TimeZone"] = "UTC"
        target.settings["idle_in_transaction_session_timeout"] = "3s"
        // Statements touch rows by their keys. A plan that was made while the tables were small, and is kept, must not read them whole when they have grown.
        for method in ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"] { target.settings[method] = "off" }
        // What has to be read whole all the same is priced so high then that the server would compile it.
        target.settings["jit"] = "off"
        return target
    }
}

extension PoolLimits {
    /// One connection applies; another may be needed while the first is being replaced.
    fileprivate static var projector: PoolLimits {
        var limits = PoolLimits()
        limits.maximumConnections = 2
        limits.multiplexedConnections = 1
        return limits
    }
}
