import CoreMetrics
package import EventSourcing
package import FoundationEssentials
package import Postgres

/// The means of delivery: the same for all webhooks of a process.
package struct WebhookMeans: Sendable {
    /// Tells the log that a webhook's receiver is gone.
    package typealias End = @Sendable (_ webhook: UUID) async throws -> Void

    package let registry = WebhookRegistry()
    /// Tells which events there are.
    package let log: any EventStore
    /// The log in the form in which events are delivered: sealed, or opened.
    package let texts: any EventStore
    package let catalog: EventCatalog
    /// The log's database, as the relay.
    package let pool: ConnectionPool
    package let secrets: any SecretSealing
    package let client: WebhookClient
    package let end: End
    package let now: @Sendable () -> Timestamp
    /// How much waits, as last counted.
    package let pending = PendingDeliveries()
    let metrics = WebhookMetrics()

    package init(
        _ settings: WebhookSettings, log: any EventStore, pool: ConnectionPool, client: WebhookClient? = nil,
        now: @escaping @Sendable () -> Timestamp = { .now }, end: @escaping End
    ) {
        self.log = log
        texts = settings.texts
        catalog = settings.catalog
        secrets = settings.secrets
        self.pool = pool
        self.client = client ?? WebhookClient(reaching: settings.addresses)
        self.now = now
        self.end = end
    }
}

/// The counts of this process's deliveries.
struct WebhookMetrics: Sendable {
    private let delivered = Counter(label: "annals_webhook_attempts_total", dimensions: [("outcome", "delivered")])
    private let failed = Counter(label: "annals_webhook_attempts_total", dimensions: [("outcome", "failed")])
    private let parked = Counter(label: "annals_webhook_attempts_total", dimensions: [("outcome", "parked")])

    func attempt(_ state: DeliveryLog.State) {
        switch state {
        case .delivered: delivered.increment()
        case .pending: failed.increment()
        case .parked: parked.increment()
        }
    }
}
