package import EventSourcing

/// How webhooks are delivered to.
package struct WebhookSettings: Sendable {
    let texts: any EventStore
    let catalog: EventCatalog
    let secrets: any SecretSealing
    let addresses: ReachableAddresses

    /// - Parameters:
    ///   - texts: the log in the form in which events are delivered: sealed, or opened.
    ///   - secrets: opens the webhooks' secrets.
    ///   - addresses: where may be delivered to.
    package init(texts: any EventStore, catalog: EventCatalog, secrets: any SecretSealing, addresses: ReachableAddresses) {
        self.texts = texts
        self.catalog = catalog
        self.secrets = secrets
        self.addresses = addresses
    }
}
