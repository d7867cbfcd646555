import EventSourcing
package import Logging
package import Postgres

/// Follows the log's erasures and takes each out of what no projector keeps current:
///
///     UserClosed, PostDeleted → live tables have applied it → kept tables brought up to the log → VACUUM (ANALYZE) → noted
///
/// The live tables erase by the event itself. Several processes may do this at once: maintenance of a model is done by one at a time.
package struct TableScrubbing: Sendable {
    private static let shortestPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(600)
    /// Scrubbing looks through whole tables, so it takes a twentieth of the time at most, however many posts are deleted.
    private static let rest = 20
    /// How often it is said that read models are waited for.
    private static let reminder = Duration.seconds(60)

    private let maintenance: Maintenance
    private let pool: ConnectionPool
    private let logger: Logger
    private let patience: Duration

    /// - Parameters:
    ///   - pool: the read database with the projector's rights; the caller runs it.
    ///   - patience: how long read models are waited for in silence.
    package init(_ maintenance: Maintenance, pool: ConnectionPool, patience: Duration = .seconds(5), logger: Logger) {
        self.maintenance = maintenance
        self.pool = pool
        self.logger = logger
        self.patience = patience
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
            do { try await Task.sleep(for: Self.shortestPause) } catch { return }
        }
    }

    private func follow() async throws {
        // A log that was restored to an older state is scrubbed anew from its end.
        let head = try await maintenance.store.head()
        var scrubbed = min(try await pool.query(.readScrubbed)[0].get(0), head)
        let erasures = maintenance.store.subscribe(after: scrubbed, to: EventFilter(types: maintenance.catalog.erasing)) { reason in
            throw EventStoreError.unavailable(reason: reason)
        }
        for try await page in erasures {
            guard let last = page.last, last.position > scrubbed else { continue }
            // The deletion of somebody's posts follows the closure of their account.
            try await Task.sleep(for: Self.shortestPause)
            let start = ContinuousClock.now
            scrubbed = try await maintenance.store.head()
            try await scrub(through: scrubbed)
            try await Task.sleep(for: min(max((ContinuousClock.now - start) * Self.rest, Self.shortestPause), Self.longestPause))
        }
    }

    /// Returns when the erasures up to a position are out of all tables, and that is noted.
    func scrub(through position: Int64) async throws {
        for status in try await appliedStatuses(position) {
            // A version stored before this rule may lack an erasing statement. Then the erasure waits for a rebuild.
            try await ReadModel.stored(status.model, version: status.version, catalog: maintenance.catalog, in: pool).checkErasures(
                maintenance.catalog)
            if try await pool.query(.hasBuilds, [.text(status.model)]).count > 0 { try await maintenance.scrubKept(status.model) }
            try await maintenance.vacuum(status.model)
        }
        try await pool.query(.noteScrubbed, [.int8(position)])
    }

    /// The live models once all have applied the log up to a position.
    private func appliedStatuses(_ position: Int64) async throws -> [ReadModelStatus] {
        var next = ContinuousClock.now + patience
        while true {
            let statuses = try await ReadModelStatus.readAll(from: pool)
            let behind = statuses.filter { $0.position < position }
            if behind.isEmpty { return statuses }
            if ContinuousClock.now >= next {
                let models = behind.map { "\($0.model) (\($0.state.rawValue) at \($0.position))" }.sorted()
                logger.warning("erasures wait for read models", metadata: ["position": "\(position)", "models": "\(models.joined(separator: ", "))"])
                next = ContinuousClock.now + Self.reminder
            }
            try await Task.sleep(for: .milliseconds(250))
        }
    }
}

extension Statement {
    fileprivate static let readScrubbed = Statement("read_scrubbed", "SELECT position FROM annals.scrubbed")

    fileprivate static let noteScrubbed = Statement("note_scrubbed", "UPDATE annals.scrubbed SET position = $1")

    fileprivate static let hasBuilds = Statement("has_builds", "SELECT FROM annals.builds WHERE model = $1 LIMIT 1")
}
