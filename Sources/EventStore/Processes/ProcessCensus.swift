package import EventSourcing
package import FoundationEssentials
import Logging
import Postgres
import Synchronization

/// Counts the instances that are not over, now and then, where they are run. It finds those that are stuck.
package final class ProcessCensus: Sendable {
    /// The instances of one kind.
    package struct Count: Sendable, Hashable {
        package let kind: String
        package var running = 0
        package var compensating = 0
        package var stuck = 0
        /// Since when the one is stuck that is so for longest; nil if none is.
        package var stuckSince: Timestamp?

        package init(kind: String) { self.kind = kind }
    }

    /// An instance that makes no progress, and since when that is too long.
    package struct Stuck: Sendable, Hashable {
        package let kind: String
        package let id: UUID
        package let since: Timestamp
    }

    private static let pace = Duration.seconds(5)
    /// Instances that are named.
    private static let longest = 10

    private let found = Mutex<(counts: [Count], stuck: [Stuck])>(([], []))
    private let kinds: [String]
    private let logger: Logger

    /// - Parameter kinds: those that are counted even where there are none.
    init(of kinds: [String], logger: Logger) {
        self.kinds = kinds
        self.logger = logger
    }

    /// By kind, as last counted; empty where another process runs them.
    package var counts: [Count] { found.withLock(\.counts) }

    /// Those that are stuck for longest, ten at most.
    package var stuck: [Stuck] { found.withLock(\.stuck) }

    /// Counts until cancelled, and knows nothing any more then.
    func run(in pool: ConnectionPool) async throws {
        defer { found.withLock { $0 = ([], []) } }
        while true {
            do {
                try await count(in: pool, at: .now)
            } catch {
                try Task.checkCancellation()
                logger.warning("the processes can't be counted", metadata: ["reason": "\(error)"])
            }
            try await Task.sleep(for: Self.pace)
        }
    }

    private func count(in pool: ConnectionPool, at time: Timestamp) async throws {
        var counts = Dictionary(uniqueKeysWithValues: kinds.map { ($0, Count(kind: $0)) })
        for count in try await PostgresProcessTable.counts(at: time, in: pool) { counts[count.kind] = count }
        let stuck = try await PostgresProcessTable.stuck(at: time, in: pool).prefix(Self.longest)
        let known = Set(self.stuck.map(\.id))
        for row in stuck where !known.contains(row.id) {
            logger.warning(
                "a process is stuck",
                metadata: [
                    "process": "\(row.id.lowercased)", "kind": "\(row.kind)", "step": "\(row.step ?? "none")", "failures": "\(row.failures)",
                    "progress": "\(row.progressAt)",
                ])
        }
        let sorted = counts.values.sorted { $0.kind < $1.kind }
        let named = stuck.map { Stuck(kind: $0.kind, id: $0.id, since: $0.stuckAt ?? time) }
        found.withLock { $0 = (sorted, named) }
    }
}
