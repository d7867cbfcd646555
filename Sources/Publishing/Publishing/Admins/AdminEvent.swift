package import EventSourcing
package import FoundationEssentials
import JSON

/// How the circle of active admins changes. The accounts' own events say why: a role, a deactivation, a reactivation, a closure.
package enum AdminEvent: Sendable, Hashable {
    case added(UUID)
    case removed(UUID)
}

extension AdminRules {
    /// The events that say who is an admin, and their open field that names the user.
    package static let membership = (types: ["AdminAdded", "AdminRemoved"], field: "user")

    /// The stored form of both events, pinned by golden files.
    package static let schemas = [
        EventSchema("AdminAdded", in: category, [.open("user", .id)]),
        EventSchema("AdminRemoved", in: category, [.open("user", .id)]),
    ]

    package static func encode(_ event: AdminEvent) -> NewEvent {
        switch event {
        case .added(let user): NewEvent(type: "AdminAdded", schemaVersion: 1, data: ["user": .string(user.lowercased)])
        case .removed(let user): NewEvent(type: "AdminRemoved", schemaVersion: 1, data: ["user": .string(user.lowercased)])
        }
    }

    package static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> AdminEvent {
        let fields = try EventFields(event, in: schemas)
        switch event.type {
        case "AdminAdded": return .added(try fields.id("user"))
        case "AdminRemoved": return .removed(try fields.id("user"))
        default: throw EventDecodingError(event, reason: "not in the category \(category)")
        }
    }
}
