import EventSourcing
import Logging
import Postgres
import Synchronization

/// Keeps one read model's tables a fold of the log: takes the lease, takes the tables up, applies, and begins again after trouble that may pass.
///
/// The folder's SQL and its checkpoint move in one transaction, so each event has its effect once, whichever process dies in between.
final class Projector: Sendable {
    /// Trouble that lasts for so many tries is recorded.
    private static let patience = 3
    /// How often a projector that has stopped looks whether there are other tables.
    private static let lookInterval = Duration.seconds(2)

    /// The model as its folder has it now; what is applied may be an older version.
    let model: ReadModel
    private let tables: LiveTables
    private let pool: ConnectionPool
    private let feed: EventFeed
    private let notifier: ReadModelNotifier
    private let leases: LeaseKeeper
    private let metrics: ProjectorMetrics
    private let logger: Logger
    private let currentStatus: Mutex<ProjectorStatus>
    /// The position that was refused last, which is told in full once.
    private let refused = Mutex<Int64?>(nil)

    /// - Parameter target: the read database, not through a pooler: the connections keep settings of their own.
    init(
        _ model: ReadModel, catalog: EventCatalog, target: ConnectionTarget, feed: EventFeed, notifier: ReadModelNotifier, leases: LeaseKeeper,
        metrics: ProjectorMetrics, logger: Logger
    ) {
        var logger = logger
        logger[metadataKey: "model"] = "\(model.name)"
        self.model = model
        self.feed = feed
        self.notifier = notifier
        self.leases = leases
        self.metrics = metrics
        self.logger = logger
        pool = ConnectionPool(target.forReadModel(model.name), limits: .projector, logger: logger)
        tables = LiveTables(model: model, catalog: catalog, pool: pool, logger: logger)
        currentStatus = Mutex(ProjectorStatus(model: model.name))
    }

    var status: ProjectorStatus { currentStatus.withLock { $0 } }

    private func update(_ change: (inout ProjectorStatus) -> Void) { currentStatus.withLock { change(&$0) } }

    /// Makes the tables at first, then applies the log until cancelled. Throws `ReadModelError` when the folder's SQL does not prepare. When going on
    /// could only do harm it stops, says so in the checkpoint, and begins again once the model has other tables; whatever may pass is tried again for
    /// ever.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.pool.run() }
            group.addTask { try await self.project() }
            try await group.next()
            group.cancelAll()
        }
    }

    private func project() async throws {
        var backoff = Backoff(from: .milliseconds(50), to: .seconds(5))
        var adopted: AdoptedBuild?
        var isStart = true
        while !Task.isCancelled {
            var current: ProjectionCheckpoint?
            do {
                try await follow(&adopted, &current, &backoff, isStart: &isStart)
            } catch {
                // Others have moved it, as a swap does: nothing was tried in vain.
                if error is CheckpointMoved { backoff.reset() }
                do {
                    try await recover(from: error, at: current, tries: backoff.count + 1)
                    try await Task.sleep(for: backoff.next())
                } catch let stop as ProjectorStop {
                    try await rest(after: stop, at: current)
                    backoff.reset()
                }
            }
        }
    }

    /// Applies what the log has, from the stored checkpoint on, once the lease is there. Ends by throwing; `current` is where it began.
    private func follow(
        _ adopted: inout AdoptedBuild?, _ current: inout ProjectionCheckpoint?, _ backoff: inout Backoff, isStart: inout Bool
    ) async throws {
        try await tables.createIfNew()
        let lease = try await leases.acquire(model.name, through: pool) {
            update { $0.state = .waiting }
            logger.info("another process keeps this read model; it is taken over when that ends")
        }
        // Read after the lease was got: until then the other one may have gone on.
        var checkpoint = try await tables.checkpoint()
        checkpoint.lease = lease.token
        lease.moved(to: checkpoint.position)
        current = checkpoint
        let known = adopted?.build.number == checkpoint.build ? adopted : nil
        let applied = if let known { known } else { try await tables.adopt(at: checkpoint, isStart: &isStart) }
        adopted = applied
        if applied.isStale, !status.isStale {
            logger.warning(
                "the folder has changed: the tables are kept current as they were made, until they are rebuilt",
                metadata: ["applied": "\(checkpoint.version)", "folder": "\(applied.folderVersion)"])
        }
        // A log restored to an older state may since have grown past it: its new events would silently be taken for the old ones.
        try await feed.confirm(checkpoint.eventID, at: checkpoint.position)
        try await checkpoint.clearStop(in: pool)
        if checkpoint.isFailing, try await feed.event(at: checkpoint.position + 1) == nil {
            // There is no next event, so the recorded failure is out of date.
            update { $0.state = .applying }
            try await checkpoint.clearFailure(in: pool)
            backoff.reset()
        }
        update {
            if !checkpoint.isFailing || $0.state != .failed(position: checkpoint.position + 1) { $0.state = .applying }
            $0.version = applied.build.version
            $0.isStale = applied.isStale
            $0.position = checkpoint.position
        }
        defer { if lease.position > checkpoint.position { backoff.reset() } }
        try await applier(of: applied.build, under: lease).run(from: checkpoint)
    }

    private func applier(of build: Build, under lease: Lease) -> LiveApplier {
        LiveApplier(build: build, pool: pool, feed: feed, lease: lease, logger: logger, metrics: metrics) { [self] position in
            metrics.countEvents(max(0, position - status.position))
            update {
                $0.position = position
                $0.state = .applying
            }
            notifier.announce(model.name, position: position)
        } onParked: { [self] count in
            update { $0.parkedStreams = count }
            metrics.setParkedStreams(count)
        }
    }

    /// Returns if a retry can help; throws otherwise.
    private func recover(from error: any Error, at checkpoint: ProjectionCheckpoint?, tries: Int) async throws {
        try Task.checkCancellation()
        switch error {
        case is CancellationError, is ReadModelError, is ProjectorStop: throw error
        case EventStoreError.rewritten(let position): throw ProjectorStop.logRewritten(position: position)
        case EventStoreError.broken(let reason): throw ProjectorStop.logBroken(reason: reason)
        case let unknown as UnknownEvent: throw ProjectorStop.unknownEvent(type: unknown.type, version: unknown.version)
        case is CheckpointMoved: await leases.explain(error, of: model.name, through: pool, logger)
        case let error as PostgresError where error.sqlState == .checkpointMoved: await leases.explain(error, of: model.name, through: pool, logger)
        case let error as PostgresError where !error.isTransient:
            tell(refusal: error)
            await recordFailure(at: checkpoint)
        default:
            logger.warning("the projector tries again", metadata: ["reason": "\(error)"])
            guard tries >= Self.patience, let checkpoint else { return }
            update { $0.state = .failed(position: checkpoint.position + 1) }
            await recordFailure(at: checkpoint)
        }
    }

    /// The database refuses for a reason that is not the event's, such as a missing right: it will go on refusing until somebody mends it.
    private func tell(refusal error: PostgresError) {
        let position = status.position + 1
        let isNew = refused.withLock { last in
            defer { last = position }
            return last != position
        }
        update { $0.state = .failed(position: position) }
        logger.log(
            level: isNew ? .error : .debug, "the read database refuses",
            metadata: ["position": "\(position)", "reason": "\(error)", "statement": "\(error.statementName ?? "none")"])
    }

    private func recordFailure(at checkpoint: ProjectionCheckpoint?) async {
        do {
            try await checkpoint?.recordFailure(in: pool)
        } catch {
            logger.debug("the failure could not be stored", metadata: ["reason": "\(error)"])
        }
    }

    /// Returns once the model has other tables than those that the projector has stopped at.
    private func rest(after stop: ProjectorStop, at stopped: ProjectionCheckpoint?) async throws {
        update { $0.state = .stopped(reason: "\(stop)") }
        leases.abandon(model.name)
        logger.critical("the projector has stopped", metadata: ["reason": "\(stop)"])
        var isRecorded = false
        while true {
            do {
                if !isRecorded { try await stopped?.recordStop(stop, in: pool) }
                isRecorded = true
                if let now = try await ProjectionCheckpoint.read(model.name, from: pool), now.build != stopped?.build { break }
            } catch let error as PostgresError {
                try Task.checkCancellation()
                logger.debug("the checkpoint could not be read or written", metadata: ["reason": "\(error)"])
            }
            try await Task.sleep(for: Self.lookInterval)
        }
        update { $0.state = .starting }
        logger.notice("the read model has other tables: the projector begins again")
    }
}
