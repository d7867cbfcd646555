package import CoreMetrics
package import EventSourcing
package import Logging
package import Postgres

/// All read models of a folder, each with its projector, on one shared feed of the log.
package final class ProjectorGroup: Sendable {
    private let projectors: [Projector]
    private let feed: EventFeed
    private let notifier: ReadModelNotifier
    private let leases: LeaseKeeper
    private let leftovers: LeftoverRemoval

    /// Reads and checks every folder in `folder`. Throws `ReadModelError` for the first fault.
    /// - Parameters:
    ///   - target: the read database, not through a pooler: projectors keep settings in their sessions.
    ///   - pool: the read database, with the projector's rights, for what goes on beside the applying; the caller runs it.
    ///   - store: opens what is sealed; must not filter.
    package init(
        folder: String, target: ConnectionTarget, pool: ConnectionPool, store: any EventStore, catalog: EventCatalog,
        metrics: any MetricsFactory = MetricsSystem.factory, logger: Logger
    ) throws(ReadModelError) {
        let feed = EventFeed(store)
        let notifier = ReadModelNotifier(target, logger: logger)
        let leases = LeaseKeeper(pool, logger: logger)
        self.feed = feed
        self.notifier = notifier
        self.leases = leases
        leftovers = LeftoverRemoval(pool, logger: logger)
        projectors = try ReadModel.loadAll(root: folder, catalog: catalog).map { model in
            Projector(
                model, catalog: catalog, target: target, feed: feed, notifier: notifier, leases: leases,
                metrics: ProjectorMetrics(model.name, factory: metrics), logger: logger)
        }
    }

    /// The models' names, in order.
    package var models: [String] { projectors.map(\.model.name) }

    /// How each projector of this process is doing.
    package var statuses: [ProjectorStatus] { projectors.map(\.status) }

    /// Runs until cancelled. Throws `ReadModelError` when a folder's SQL does not prepare. A projector that has to stop says so in its status and in
    /// the log; the others go on.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.feed.dropOld() }
            group.addTask { try await self.notifier.run() }
            group.addTask { try await self.leases.run() }
            group.addTask { try await self.leftovers.run() }
            for projector in projectors { group.addTask { try await projector.run() } }
            // Not waitForAll(), which would keep the first error until every other task has ended.
            for try await _ in group {}
        }
    }

    /// Gives the leases back after `run` has ended, so that another process need not wait for their end.
    package func release() async { await leases.release() }
}
