import EventSourcing
import Logging
import Postgres

extension Maintenance {
    /// Brings the tables that were live before up to the log, by the SQL that made them, and puts them in the place of the present ones, which are
    /// kept in turn.
    ///
    /// When it is interrupted, the next one goes on where it was.
    package func rollBack(_ model: String, onProgress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }) async throws -> RebuildReport {
        try await exclusively(model) { keeper, _ in
            guard let kept = try await OfflineBuild.previous(of: model, catalog: catalog, in: keeper) else {
                throw MaintenanceError.nothingKept(model)
            }
            guard try await feed.holds(kept.eventID, at: kept.position) else { throw MaintenanceError.logRewritten(model) }
            return try await withTables(kept, workers: 1) { pool in
                let total = try await store.head()
                var follow = KeptBuild(kept, parked: try await ParkedStreams.read(kept.build.number, from: pool), pool: pool, feed: feed)
                try await follow.advance(to: total) { position in
                    onProgress(RebuildProgress(model: model, phase: .catchingUp, applied: position, total: total))
                }
                // The folder is as it was: the read model is stale now if the folder has another version.
                let swap = Swap(model: model, readers: readers, folderVersion: nil, pool: pool, logger: logger)
                try await swap.run(kept.build.number) { position in try await follow.advance(to: position) }
                return RebuildReport(
                    model: model, version: kept.build.version, position: follow.progress.offline.position, parkedStreams: follow.parkedCount)
            }
        }
    }

    /// Removes the tables that were live before, whether or not their stored SQL can still be used.
    package func dropPrevious(of model: String) async throws {
        try await exclusively(model) { keeper, _ in
            guard let number = try await OfflineBuild.numberOfPrevious(of: model, in: keeper) else { throw MaintenanceError.nothingKept(model) }
            try await OfflineBuild.drop(number, in: keeper)
        }
    }
}

extension Maintenance {
    /// Removes a read model whose folder is gone: its tables, those kept from before, what is parked, its checkpoint and its stored SQL. All of it or
    /// nothing.
    ///
    /// Refused while a projector keeps it current, and when a statement of those who read works with its tables.
    package func dropOrphaned(_ model: String) async throws {
        try await exclusively(model) { keeper, live in
            do {
                try await keeper.withTransaction { session in try await drop(model, build: live.build, in: session) }
            } catch let error as PostgresError where error.isCollision {
                throw MaintenanceError.tablesInUse(model)
            }
        }
    }

    private func drop(_ model: String, build: Int64, in session: Session) async throws {
        try await session.execute(script: "SET LOCAL lock_timeout = '5s'")
        try await session.query(.lockSwaps)
        guard try await ProjectionCheckpoint.lockUnattended(model, in: session) else { throw MaintenanceError.attended(model) }
        let check = ReaderCheck(model: model, readers: readers)
        let before = try await check.findings("before", in: session)
        try await session.query(.dropBuilds, [.text(model)])
        try await session.execute(script: "DROP SCHEMA \"\(model)\" CASCADE")
        try await session.query(.dropParked, [.int8(build)])
        try await ProjectionCheckpoint.delete(model, in: session)
        try await session.query(.dropVersions, [.text(model)])
        try await check.compare(before, try await check.findings("after", in: session), in: session)
    }
}

extension Statement {
    fileprivate static let dropBuilds = Statement("drop_builds", "SELECT annals.drop_build(build) FROM annals.builds WHERE model = $1")
    fileprivate static let dropParked = Statement("drop_parked", "DELETE FROM annals.parked_events WHERE build = $1")
    fileprivate static let dropVersions = Statement("drop_versions", "DELETE FROM annals.read_model_versions WHERE model = $1")
}

/// Brings the previous tables up to date. Each batch shares a transaction with its progress, so an interrupted rollback can resume.
struct KeptBuild {
    private(set) var progress: BuildProgress
    private var applier: BuildApplier
    private let feed: EventFeed

    init(_ offline: OfflineBuild, parked: ParkedStreams, pool: ConnectionPool, feed: EventFeed) {
        progress = BuildProgress(offline: offline)
        applier = BuildApplier(build: offline.build, pool: pool, parked: parked)
        self.feed = feed
    }

    var parkedCount: Int { applier.parked.count }

    mutating func advance(to target: Int64, _ onBatch: (Int64) -> Void = { _ in }) async throws {
        while progress.offline.position < target {
            let events = try await feed.events(after: progress.offline.position, progress.offline.eventID)
                .prefix(Int(target - progress.offline.position))
            do {
                try await applier.apply(Array(events), advancing: &progress)
            } catch let tooMany as TooManyParked {
                throw MaintenanceError.tooManyParked(tooMany.last.description)
            }
            onBatch(progress.offline.position)
        }
    }
}

/// The progress of a build that is not live, as stored.
struct BuildProgress: Progress {
    private(set) var offline: OfflineBuild

    init(offline: OfflineBuild) { self.offline = offline }

    func query(movingTo event: RecordedEvent) -> Query? {
        Query(.advanceBuild, [.int8(offline.build.number), .int8(offline.position), .int8(event.position), .uuid(event.id)])
    }

    mutating func moved(to event: RecordedEvent) {
        offline.position = event.position
        offline.eventID = event.id
    }
}
