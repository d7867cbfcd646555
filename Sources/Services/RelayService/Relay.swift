package import AccessTokens
package import EventRelay
package import EventSourcing
package import FoundationEssentials
package import HTTPContract
import JSON
package import Logging
package import Postgres
package import Processes
import PublishingAPI
package import Subscribers
package import WebhookDelivery

/// The relay: what happens because something happened. It follows the log, and asks the command service for what follows from it.
package struct Relay: Sendable {
    package let routes: Routes
    package let responder: ServiceResponder
    /// The processes that it runs, counted.
    package var processes: ProcessCensus { processSubscriber.census }
    /// The deliveries to webhooks that wait, counted.
    package let pendingDeliveries: PendingDeliveries
    private let processSubscriber: ProcessSubscriber
    private let subscribers: [any RelaySubscriber]

    /// - Parameters:
    ///   - log: the log, opened. It may only be read.
    ///   - pool: the log's database as the relay.
    ///   - webhooks: how webhooks are delivered to.
    ///   - forwarders: send events on to brokers.
    ///   - means: what processes carry their commands out with.
    ///   - verifier: verifies users' tokens.
    ///   - services: verify other services' tokens.
    package init(
        log: any EventStore, pool: ConnectionPool, webhooks: WebhookSettings, forwarders: [EventForwarder] = [], processes means: ProcessMeans,
        verifier: TokenVerifier, services: ServiceKeys, logger: Logger
    ) {
        let commands = means.commands
        let webhookMeans = WebhookMeans(webhooks, log: log, pool: pool) { webhook in
            let answer = try await commands.post(.endWebhook, webhook.lowercased, json: [:])
            guard answer.isSuccess else { throw Problem.unavailable() }
        }
        pendingDeliveries = webhookMeans.pending
        var routes = Routes()
        WebhookListRoutes(store: log, deliveries: DeliveryLog(pool)).add(to: &routes)
        self.routes = routes
        processSubscriber = ProcessSubscriber(
            Self.managers(means), log: log, journal: CommandJournal(log: log, commands: commands), pool: pool, logger: logger)
        subscribers = [processSubscriber, WebhookRelay(webhookMeans, logger: logger)] + forwarders
        responder = routes.responder(
            for: .relay, authentication: Authentication(verifier: verifier, services: services), logger: logger)
    }

    /// The manager of a kind, to decide with; nil for an unknown kind.
    package static func manager(of kind: String) -> (any ProcessManager)? { managers(nil).first { $0.kind == kind } }

    private static func managers(_ means: ProcessMeans?) -> [any ProcessManager] {
        [ScheduledPublication(commands: means?.commands), AccountClosure(means: means)]
    }

    /// Runs all subscribers until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for subscriber in subscribers { group.addTask { try await subscriber.run() } }
            // Without any it waits all the same, since a service that ends ends the process.
            group.addTask { while true { try await Task.sleep(for: .seconds(3600)) } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Gives the leases back after `run` has ended.
    package func release() async {
        for subscriber in subscribers { await subscriber.release() }
    }

    /// Throws when a subscriber can't go on.
    package func confirmRunning() throws {
        for case .stopped(let reason) in subscribers.map(\.status) { throw SubscriberStop(reason) }
    }

    /// The ids of the processes that are stuck, by their kinds.
    package func stuckProcesses() async throws -> [String: [UUID]] {
        Dictionary(grouping: try await processSubscriber.stuck(), by: \.kind).mapValues { $0.map(\.id) }
    }
}

/// The means of processes to carry their commands out: other services, called in this service's name, and the log.
package struct ProcessMeans: Sendable {
    let commands, auth, queries: ServiceClient
    /// The posts that a user drafted between two positions of the log, in the log's order.
    let posts: @Sendable (UUID, ClosedRange<Int64>) async throws -> [UUID]
    let logger: Logger

    package init(
        commands: ServiceClient, auth: ServiceClient, queries: ServiceClient,
        posts: @escaping @Sendable (UUID, ClosedRange<Int64>) async throws -> [UUID], logger: Logger
    ) {
        (self.commands, self.auth, self.queries, self.posts, self.logger) = (commands, auth, queries, posts, logger)
    }
}

/// A part of the relay that follows the log under a lease of its own.
package protocol RelaySubscriber: Sendable {
    /// Runs until cancelled.
    func run() async throws
    /// Gives its lease back after `run` has ended.
    func release() async
    var status: LeasedSubscriber.Status { get }
}

extension WebhookRelay: RelaySubscriber {}
extension EventForwarder: RelaySubscriber {}
extension ProcessSubscriber: RelaySubscriber {}
