import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting

extension LogUnderTest {
    /// A log of the contract's events, and of one with a personal field.
    static func with(limits: AppendLimits = AppendLimits(), _ body: @Sendable (LogUnderTest) async throws -> Void) async throws {
        let catalog = EventCatalog(
            EventStoreContract.catalog.schemas.values + [EventSchema("Said", in: "contract", [.open("by", .id), .personal("words")])])
        try await open(catalog, limits: limits, body)
    }
}
