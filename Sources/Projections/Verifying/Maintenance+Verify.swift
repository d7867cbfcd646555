package import EventSourcing
import Logging
import Postgres

/// What a verification has found.
package struct VerificationReport: Sendable, Hashable {
    package let model: String
    /// Where the live tables and the fold of the log were compared.
    package let position: Int64
    /// Rows compared, by table.
    package let rows: [String: Int64]
    /// The first rows that differ, in the order of tables and keys.
    package let differences: [RowDifference]
    /// Events that the live tables have and a fold of the log can not apply.
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
    /// Folds the log into tables of its own and compares those with the live ones, row for row, at one position and in one snapshot. The live projector waits for a
    /// moment only, while that snapshot is taken.
    package func verify(
        _ model: String, workers: Int = 2, onProgress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws -> VerificationReport {
        while true {
            // What is parked may change while the log is folded; then the fold has left out the wrong events.
            if let report = try await verifyOnce(model, workers, onProgress) { return report }
        }
    }

    private func verifyOnce(
        _ model: String, _ workers: Int, _ onProgress: @escaping @Sendable (RebuildProgress) -> Void
    ) async throws -> VerificationReport? {
        try await exclusively(model) { keeper, live in
            guard try await feed.holds(live.eventID, at: live.position) else { throw MaintenanceError.logRewritten(model) }
            let stored = try await ReadModel.stored(model, version: live.version, catalog: catalog, in: keeper)
            let lacking = try await ParkedEvents.list(model, in: keeper)
            let offline = try await OfflineBuild.create(stored, version: live.version, for: .verification, in: keeper)
            return try await withTables(offline, workers: workers) { pool in
                // Event by event, so that a set form which does something else than the form for one event is found out.
                var fold = LogFold(
                    offline, pool, feed, workers: workers, parked: ParkedStreams(leavingOut: Set(lacking.map(\.position))), usesSets: false)
                let total = live.position
                try await fold.advance(to: total) { position in
                    onProgress(RebuildProgress(model: model, phase: .applying, applied: position, total: total))
                }
                // Near, so that the live projector waits for little.
                while let live = try await Checkpoint.read(model, from: pool)?.position, live - fold.offline.position > Int64(EventFeed.pageSize) {
                    try await fold.advance(to: live)
                }
                onProgress(RebuildProgress(model: model, phase: .comparing, applied: total, total: total))
                return try await pool.withTransaction { snapshot in
                    try await snapshot.execute(
                        script: """
                            SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = '15s';
                            SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on
                            """)
                    let isSame = try await atOnePosition(model, &fold, lacking, in: pool) { try await snapshot.query(.takeSnapshot) }
                    guard isSame else { return nil }
                    let comparison = try await TableComparison.run(live: model, folded: offline.schema, in: snapshot)
                    return VerificationReport(
                        model: model, position: fold.offline.position, rows: comparison.rows, differences: comparison.differences,
                        unappliable: fold.failures.map(\.description), parked: lacking.waitingStreams,
                        discarded: lacking.filter { $0.state == .discarded }.map(\.position))
                }
            }
        }
    }

    /// Calls `body` while the live tables stand still and the folded ones are at the same position. False when what is parked is not what the fold has left out.
    private func atOnePosition(
        _ model: String, _ fold: inout LogFold, _ lacking: [ParkedEvent], in pool: ConnectionPool, _ body: () async throws -> Void
    ) async throws -> Bool {
        var reached = fold
        let isSame = try await pool.withTransaction { holder in
            try await holder.execute(script: "SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '15s'")
            let position: Int64 = try await holder.query(.holdCheckpoint, [.text(model)])[0].get(0)
            guard try await ParkedEvents.list(model, in: pool).map(\.position) == lacking.map(\.position) else { return false }
            try await reached.advance(to: position)
            try await body()
            return true
        }
        fold = reached
        return isSame
    }
}

extension [ParkedEvent] {
    fileprivate var waitingStreams: [StreamName] {
        var streams: [StreamName] = []
        for event in self where event.state != .discarded && !streams.contains(event.stream) { streams.append(event.stream) }
        return streams
    }
}

extension Statement {
    fileprivate static let holdCheckpoint = Statement("hold_checkpoint", "SELECT position FROM annals.checkpoints WHERE model = $1 FOR UPDATE")
    fileprivate static let takeSnapshot = Statement("take_snapshot", "SELECT 1 FROM annals.checkpoints LIMIT 1")
}
