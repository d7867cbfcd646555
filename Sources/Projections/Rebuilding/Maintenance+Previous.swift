import EventSourcing
import Logging
import Postgres

extension Maintenance {
    /// Brings the tables that were live before up to the log, by the SQL that made them, and puts them in the place of the present ones, which are kept in turn.
    ///
    /// When it is interrupted, the next one goes on where it was.
    package func rollBack(
        _ model: String, onProgress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws -> RebuildReport {
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
                // What the folder holds is no different for this: the read model is stale now, if it is another version.
                let swap = Swap(model: model, readers: readers, folderVersion: nil, pool: pool, logger: logger)
                try await swap.run(kept.build.number) { position in try await follow.advance(to: position) }
                return RebuildReport(
                    model: model, version: kept.build.version, position: follow.progress.offline.position, parkedStreams: follow.parkedCount)
            }
        }
    }

    /// Removes the tables that were live before.
    package func dropPrevious(of model: String) async throws {
        try await exclusively(model) { keeper, _ in
            guard let kept = try await OfflineBuild.previous(of: model, catalog: catalog, in: keeper) else {
                throw MaintenanceError.nothingKept(model)
            }
            try await OfflineBuild.drop(kept.build.number, in: keeper)
        }
    }
}

/// Tables kept from before, being brought up to the log: each batch with its progress in one transaction, for a rollback may be interrupted and gone on with.
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
            let events = try await feed.events(after: progress.offline.position).prefix(Int(target - progress.offline.position))
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
private struct BuildProgress: Progress {
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
