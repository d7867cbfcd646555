import EventSourcing
import Logging
import Postgres

extension Maintenance {
    /// Brings the tables that were live before up to the log, by the SQL that made them, and puts them in the place of the present ones, which are
    /// kept in turn.
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
