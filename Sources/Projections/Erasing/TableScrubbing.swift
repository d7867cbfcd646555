package import EventSourcing
package import Logging
package import Postgres

/// Follows the log's erasures and takes each out of tables that no projector keeps current:
///
///     UserClosed, PostDeleted → live tables have applied it → kept tables brought up to the log → VACUUM
///
/// The live tables erase by the event itself. Several processes may do this at once: maintenance of a model is done by one at a time.
package struct TableScrubbing: Sendable {
    /// Erasures that come within this time are scrubbed together.
    private static let pause = Duration.seconds(1)

    private let maintenance: Maintenance
    private let pool: ConnectionPool
    private let logger: Logger

    /// - Parameter pool: the read database with the projector's rights; the caller runs it.
    package init(_ maintenance: Maintenance, pool: ConnectionPool, logger: Logger) {
        self.maintenance = maintenance
        self.pool = pool
        self.logger = logger
    }

    /// Follows until cancelled. What can't be done now is tried again.
    package func run() async throws {
        while !Task.isCancelled {
            do {
                try await follow()
            } catch  where Task.isCancelled {
                return
            } catch {
                logger.warning("erased rows wait to be scrubbed", metadata: ["reason": "\(error)"])
            }
            do { try await Task.sleep(for: Self.pause) } catch { return }
        }
    }

    private func follow() async throws {
        let erasures = LogRead(EventFilter(types: EventSchema.erasing), positions: try await scrubbedPosition() + 1...Int64.max)
        for try await page in maintenance.store.follow(erasures, pause: Self.pause) {
            guard let last = page.last else { continue }
            try await scrub(through: last.position)
        }
    }

    /// Every erasure up to here is out of all tables.
    private func scrubbedPosition() async throws -> Int64 {
        let head = try await maintenance.store.head()
        return try await pool.query(.oldestBuild).first?.get(0, as: Int64?.self).map { min($0, head) } ?? head
    }

    /// Returns when the erasures up to a position are out of all tables.
    func scrub(through position: Int64) async throws {
        var statuses: [ReadModelStatus] = []
        repeat {
            if !statuses.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
            statuses = try await ReadModelStatus.readAll(from: pool)
        } while statuses.contains { $0.position < position }
        for model in statuses.map(\.model) {
            if try await pool.query(.buildsBehind, [.text(model), .int8(position)]).count > 0 { try await maintenance.scrubKept(model) }
            try await maintenance.vacuum(model)
        }
    }
}

extension Statement {
    fileprivate static let oldestBuild = Statement("oldest_build", "SELECT min(position) FROM annals.builds")

    fileprivate static let buildsBehind = Statement("builds_behind", "SELECT FROM annals.builds WHERE model = $1 AND position < $2 LIMIT 1")
}
