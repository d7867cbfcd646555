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
    private let processSubscriber: ProcessSubscriber
    private let subscribers: [any RelaySubscriber]

    /// - Parameters:
    ///   - log: the log, opened. It may only be read.
    ///   - pool: the log's database as the relay.
    ///   - webhooks: how webhooks are delivered to.
    ///   - forwarders: send events on to brokers.
    ///   - commands: the command service, called in this service's name.
    ///   - verifier: verifies users' tokens.
    ///   - services: verify other services' tokens.
    package init(
        log: any EventStore, pool: ConnectionPool, webhooks: WebhookSettings, forwarders: [EventForwarder] = [], commands: ServiceClient,
        verifier: TokenVerifier, services: ServiceKeys, logger: Logger
    ) {
        let webhookMeans = WebhookMeans(webhooks, log: log, pool: pool) { webhook in
            let answer = try await commands.post(.endWebhook, webhook.lowercased, json: [:])
            guard answer.isSuccess else { throw Problem.unavailable() }
        }
        var routes = Routes()
        WebhookListRoutes(store: log, deliveries: DeliveryLog(pool)).add(to: &routes)
        self.routes = routes
        processSubscriber = ProcessSubscriber(
            Self.managers(commands), log: log, journal: CommandJournal(log: log, commands: commands), pool: pool, logger: logger)
        subscribers = [processSubscriber, WebhookRelay(webhookMeans, logger: logger)] + forwarders
        responder = routes.responder(
            for: .relay, authentication: Authentication(verifier: verifier, services: services), logger: logger)
    }

    /// The manager of a kind, to decide with; nil for an unknown kind.
    package static func manager(of kind: String) -> (any ProcessManager)? { managers(nil).first { $0.kind == kind } }

    private static func managers(_ commands: ServiceClient?) -> [any ProcessManager] { [ScheduledPublication(commands: commands)] }

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
