package import EventSourcing
package import FoundationEssentials
import JSON

/// The request that an account be closed and its user erased. The stream's id is the user's, so an account is closed once. A process of the same id
/// does the work.
package enum ClosureRules: StreamRules {
    /// The closure's id.
    package typealias Command = UUID
    package typealias Event = ClosureRequested
    /// The id of the closure that was requested.
    package typealias State = UUID?
    package typealias Refusal = ClosureRequestedBefore

    package static let category = "closure"

    package static let schemas = [EventSchema("ClosureRequested", in: category, [.open("closure", .id)])]

    package static var initialState: UUID? { nil }

    package static func decide(_ closure: UUID, in requested: UUID?) throws(ClosureRequestedBefore) -> [ClosureRequested] {
        guard requested == nil else { throw ClosureRequestedBefore() }
        return [ClosureRequested(closure: closure)]
    }

    package static func evolve(_ requested: inout UUID?, with event: ClosureRequested) { requested = event.closure }

    package static func encode(_ event: ClosureRequested) -> NewEvent {
        NewEvent(type: "ClosureRequested", schemaVersion: 1, data: ["closure": .string(event.closure.lowercased)])
    }

    package static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> ClosureRequested {
        guard event.type == "ClosureRequested" else { throw EventDecodingError(event, reason: "not in the category \(category)") }
        return ClosureRequested(closure: try EventFields(event, in: schemas).id("closure"))
    }
}

/// A user's account is to be closed. From here on no command of theirs goes through, and there is no way back.
package struct ClosureRequested: Sendable, Hashable {
    package let closure: UUID

    package init(closure: UUID) { self.closure = closure }
}

/// The closure of the account was requested before.
package struct ClosureRequestedBefore: Error, Hashable {
    package init() {}
}

extension ClaimKind {
    /// A closure's id, held by the account that it closes.
    package static let closure = ClaimKind(rawValue: "closure")
}

/// The closure of an account, as it was requested.
package struct RequestedClosure: Sendable, Hashable {
    package let id: UUID
    package let user: UUID
    package let requestedAt: Timestamp
    /// Of the request in the log.
    package let position: Int64
    /// The request that all events of the closure belong to.
    package let correlation: String?

    /// Where the closure of a user's account is requested.
    package static func stream(of user: UUID) -> StreamName { StreamName(ClosureRules.category, user) }

    /// Reads such a stream; nil for one without events.
    package init?(_ events: [RecordedEvent]) throws(EventDecodingError) {
        guard let event = events.first else { return nil }
        (id, user) = (try ClosureRules.decode(event).closure, event.stream.id)
        (requestedAt, position, correlation) = (event.recordedAt, event.position, event.metadata.correlation)
    }
}
