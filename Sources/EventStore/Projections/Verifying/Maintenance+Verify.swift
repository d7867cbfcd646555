package import EventSourcing
import Logging
import Postgres

/// The result of a verification.
package struct VerificationReport: Sendable, Hashable {
    package let model: String
    /// Where the live tables and the fold of the log were compared.
    package let position: Int64
    /// How many events the live tables were behind when verification began. Stuck tables can be equal and still out of date.
    package let lag: Int64
    /// Rows compared, by table.
    package let rows: [String: Int64]
    /// The first rows that differ, in the order of tables and keys.
    package let differences: [RowDifference]
    /// Events that the live tables have and a fold of the log can't apply.
    package let unappliable: [String]
    /// Streams that wait in the live tables; the fold leaves out the same events.
    package let parked: [StreamName]
    /// Events that an operator left out of the live tables; the fold leaves them out too.
    package let discarded: [Int64]

    /// Whether each live row is what a fold of the log makes it, apart from what is parked and discarded.
    package var hasEqualRows: Bool { differences.isEmpty && unappliable.isEmpty }
    /// Whether the live tables are a fold of the whole log.
    package var isEqual: Bool { hasEqualRows && parked.isEmpty && discarded.isEmpty }
}

extension Maintenance {
    /// Folds the log into tables of its own and compares those with the live ones, row for row, at one position and in one snapshot. The live
    /// projector waits for a moment only, while that snapshot is taken.
    package func verify(
        _ model: String, workers: Int = 2, onProgress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws -> VerificationReport {
        for _ in 1...Self.longestVerification {
            // A retry or a discard meanwhile makes a fold wrong that has left out those events.
            if let report = try await verifyOnce(model, workers, onProgress) { return report }
        }
        throw MaintenanceError.unsettled(model)
    }

    /// Folds of the log until it is given up.
    private static let longestVerification = 5

    private func verifyOnce(
        _ model: String, _ workers: Int, _ onProgress: @escaping @Sendable (RebuildProgress) -> Void
    ) async throws -> VerificationReport? {
        try await exclusively(model) { keeper, live in
            try await feed.confirm(live.eventID, at: live.position)
            let stored = try await ReadModel.stored(model, version: live.version, catalog: catalog, in: keeper)
            let offline = try await OfflineBuild.create(stored, version: live.version, for: .verification, in: keeper)
            return try await withTables(offline, workers: workers) { pool in
                // Event by event, so that a set form which does something else than the form for one event is found out.
                var fold = VerifyingFold(LogFold(offline, pool, feed, workers: workers, usesSets: false), of: model, pool: pool)
                let total = live.position
                let head = try await store.head()
                do {
                    guard
                        try await fold.advance(to: total, { onProgress(RebuildProgress(model: model, phase: .applying, applied: $0, total: total)) })
                    else { return nil }
                    // Near, so that the live projector waits for little.
                    while let live = try await ProjectionCheckpoint.read(model, from: pool)?.position,
                        live - fold.position > Int64(EventFeed.pageSize)
                    {
                        guard try await fold.advance(to: live) else { return nil }
                    }
                    onProgress(RebuildProgress(model: model, phase: .comparing, applied: total, total: total))
                    return try await pool.withTransaction { snapshot in
                        try await snapshot.execute(
                            script: """
                                SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = '15s';
                                SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on
                                """)
                        guard try await atOnePosition(&fold, in: pool, { try await snapshot.query(.takeSnapshot) }) else { return nil }
                        return fold.report(try await TableComparison.run(live: model, folded: offline.schema, in: snapshot), head: head)
                    }
                } catch MaintenanceError.tooManyParked(let last) {
                    return fold.report(givenUpAt: last, head: head)
                }
            }
        }
    }

    /// Calls `body` while the live tables stand still and the folded ones are at the same position. False when the fold has left out other events
    /// than those lack.
    private func atOnePosition(_ fold: inout VerifyingFold, in pool: ConnectionPool, _ body: () async throws -> Void) async throws -> Bool {
        var reached = fold
        let isSame = try await pool.withTransaction { holder in
            try await holder.execute(script: "SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '15s'")
            let position = try await ProjectionCheckpoint.lock(reached.model, in: holder)
            guard try await reached.advance(to: position) else { return false }
            try await body()
            return true
        }
        fold = reached
        return isSame
    }
}

extension Statement {
    fileprivate static let takeSnapshot = Statement("take_snapshot", "SELECT 1")
}
