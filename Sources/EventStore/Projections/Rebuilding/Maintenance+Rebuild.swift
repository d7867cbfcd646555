import EventSourcing
import Logging
import Postgres
import Synchronization

extension Maintenance {
    /// Makes the tables of a read model anew beside the live ones and puts them in their place. Queries and the live projector go on meanwhile.
    ///
    /// An interruption leaves the live tables as they were; the unfinished ones are removed by the next maintenance of the model.
    /// - Parameters:
    ///   - model: as its folder has it now.
    ///   - workers: how many streams are applied side by side.
    package func rebuild(
        _ model: ReadModel, workers: Int = 2, onProgress: @escaping @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws -> RebuildReport {
        try await exclusively(model.name) { keeper, live in
            let version = try await model.version(by: keeper)
            // After a log was restored to an older state the live tables hold what it never had; then the new ones are as far as the log.
            let isRewritten = try await !feed.holds(live.eventID, at: live.position)
            let offline = try await OfflineBuild.create(model, version: version, for: .rebuild, in: keeper)
            return try await withTables(offline, workers: workers) { pool in
                var fold = LogFold(offline, pool, feed, workers: workers)
                let total = try await store.head()
                @Sendable func tell(_ phase: RebuildProgress.Phase, _ position: Int64) {
                    onProgress(RebuildProgress(model: model.name, phase: phase, applied: min(position, total), total: total))
                }
                tell(.applying, 0)
                let member = throttle.join(at: 0)
                defer { throttle.leave(member) }
                try await fold.advance(to: total) { position in
                    tell(.applying, position)
                    try await throttle.reached(position, by: member)
                }
                throttle.leave(member)
                tell(.indexing, total)
                try await finish(offline, in: pool)
                tell(.catchingUp, total)
                try await catchUp(&fold)
                tell(.swapping, total)
                let swap = Swap(model: model.name, readers: readers, folderVersion: version, mayGoBack: isRewritten, pool: pool, logger: logger)
                try await swap.run(offline.build.number) { position in
                    if !isRewritten { try await fold.advance(to: position) }
                }
                return RebuildReport(
                    model: model.name, version: version, position: fold.offline.position, parkedStreams: Set(fold.failures.map(\.stream.id)).count)
            }
        }
    }

    /// Connections to the tables of a build. Nothing waits for the disk before the swap, which makes all of it durable.
    func withTables<T: Sendable>(_ offline: OfflineBuild, workers: Int, _ body: (ConnectionPool) async throws -> T) async throws -> T {
        var target = target.forReadModel(offline.schema)
        target.settings["lock_timeout"] = "50ms"
        target.settings["synchronous_commit"] = "off"
        return try await ConnectionPool.withPool(target, limits: .maintenance(workers: workers), logger: logger, body)
    }

    /// Comes so near to the head that the rest is a matter of a moment. A log that grows faster than this applies is caught up with at the swap,
    /// while its projector waits.
    func catchUp(_ fold: inout LogFold) async throws {
        for _ in 1...20 {
            let head = try await store.head()
            if head - fold.offline.position < Int64(EventFeed.pageSize) { return }
            try await fold.advance(to: head)
        }
    }

    /// Indexes at last, when they are made in one go; and statistics, so that the first query is planned as well as any later one.
    private func finish(_ offline: OfflineBuild, in pool: ConnectionPool) async throws {
        try await pool.withSession { session in
            try await session.execute(script: "SET lock_timeout = 0")
            let indexes = offline.build.model.indexes
            if !indexes.tokens.isEmpty { try await indexes.run(in: session) }
            for table in try await OfflineBuild.tables(of: offline.schema, in: session) {
                try await session.execute(script: "VACUUM (ANALYZE) \(table)")
            }
        }
    }
}

/// Holds up the folds of one log that are far ahead, so that most pages are read, parsed and opened once for all of them.
///
/// Without it the quickest would read the log alone, and the others once more when the feed keeps no longer what it has read. That still happens
/// where the events of the lead take more room than the feed has (more than 2 KB each), or where folds have so many workers that one chunk is as long
/// as the lead: from 8 on.
final class FoldThrottle: Sendable {
    /// One fold on its way.
    struct Member: Sendable {
        fileprivate let id: UInt64
    }

    /// How far ahead of the last one may be: with events of usual size within what the feed keeps.
    static let lead = Int64(EventFeed.pageSize) * 8

    private struct State {
        var positions: [UInt64: Int64] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())
    /// Where the last of the folds is.
    private let last = Watermark()

    /// How many are held up.
    var waiting: Int { last.waiterCount }

    /// Has the others wait for this one, too, until it leaves.
    func join(at position: Int64) -> Member {
        update { state in
            state.lastID += 1
            state.positions[state.lastID] = position
            return Member(id: state.lastID)
        }
    }

    /// Returns once this is not too far ahead of the others. Throws `CancellationError`.
    func reached(_ position: Int64, by member: Member) async throws {
        update { $0.positions[member.id] = position }
        while try await !last.wait(for: position - Self.lead) {}
        try Task.checkCancellation()
    }

    func leave(_ member: Member) { update { $0.positions[member.id] = nil } }

    private func update<T>(_ change: (inout State) -> T) -> T {
        state.withLock { state in
            let value = change(&state)
            if let position = state.positions.values.min() { last.reset(to: position) }
            return value
        }
    }
}

/// How far a rebuild or a verification has come.
package struct RebuildProgress: Sendable, Hashable {
    package enum Phase: String, Sendable {
        case applying
        case indexing
        case catchingUp = "catching up"
        case comparing
        case swapping
    }

    package let model: String
    package let phase: Phase
    /// Events applied, of so many that the log had when this began.
    package let applied: Int64
    package let total: Int64
}

/// The result of a rebuild.
package struct RebuildReport: Sendable, Hashable {
    package let model: String
    /// The version that is live now.
    package let version: String
    /// The position that it went live at.
    package let position: Int64
    /// Streams that were parked in the new tables.
    package let parkedStreams: Int
}
