package import EventSourcing

extension EventCatalog {
    /// Every event type of the log. All are in their first version, so nothing is converted yet.
    package static let publishing = EventCatalog(
        UserRules.schemas + AdminRules.schemas + ClosureRules.schemas + PostRules.schemas + WebhookRules.schemas + ViewRules.schemas
            + ViewWindowRules.schemas)
}
