import EventSourcing
import Logging
import Postgres

extension Maintenance {
    /// Removes erased data from tables that are not live: brings the previous tables up to date, and drops leftovers of killed maintenance. Kept
    /// tables that can't follow the log any more, or that have not taken an erasure, or could not, are dropped.
    func scrubKept(_ model: String) async throws {
        try await exclusively(model) { keeper, _ in
            guard let number = try await OfflineBuild.numberOfPrevious(of: model, in: keeper) else { return }
            do {
                guard let kept = try await OfflineBuild.previous(of: model, catalog: catalog, in: keeper) else { return }
                try kept.build.model.checkErasures(catalog)
                try await bringUp(kept)
            } catch {
                guard Self.isReasonToDrop(error) else { throw error }
                try await OfflineBuild.drop(number, in: keeper)
                logger.notice("dropped the tables from before: they can't be scrubbed", metadata: ["model": "\(model)", "reason": "\(error)"])
            }
        }
    }

    /// Whether kept tables can't follow the log any more, rather than not at this moment.
    private static func isReasonToDrop(_ error: any Error) -> Bool {
        if case EventStoreError.rewritten = error { return true }
        return error is MaintenanceError || error is ReadModelError || error is ErasureParked
    }

    private func bringUp(_ kept: OfflineBuild) async throws {
        try await feed.confirm(kept.eventID, at: kept.position)
        try await withTables(kept, workers: 1) { pool in
            var follow = KeptBuild(kept, parked: try await ParkedStreams.read(kept.build.number, from: pool), pool: pool, feed: feed)
            try await follow.advance(to: try await store.head())
            if try await pool.query(.parkedErasure, [.int8(kept.build.number), .texts(catalog.erasing.sorted())]).count > 0 {
                throw ErasureParked()
            }
        }
    }

    /// Frees what dead rows take in a model's tables, kept ones too, so that it is written over, and has the server take its statistics anew: they
    /// quote frequent values.
    func vacuum(_ model: String) async throws {
        try await ConnectionPool.withPool(target, limits: .maintenance(workers: 1), logger: logger) { pool in
            try await pool.withSession { session in
                for row in try await session.query(.tablesToVacuum, [.text(model)]) {
                    try await session.execute(script: "VACUUM (ANALYZE) \(row.get(0, as: String.self))")
                }
            }
        }
    }
}

/// Tables kept from before have not taken an erasure.
private struct ErasureParked: Error, CustomStringConvertible {
    var description: String { "an erasure is parked" }
}

extension Statement {
    fileprivate static let parkedErasure = Statement(
        "parked_erasure", "SELECT FROM annals.parked_events WHERE build = $1 AND type = ANY ($2) AND state <> 'discarded' LIMIT 1")

    fileprivate static let tablesToVacuum = Statement(
        "tables_to_vacuum",
        """
        SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname = $1 OR schemaname IN (SELECT schema_name FROM annals.builds WHERE model = $1 AND purpose = 'previous')
        ORDER BY schemaname, tablename
        """)
}
