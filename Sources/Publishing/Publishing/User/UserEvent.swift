package import EventSourcing
import JSON

/// The events of an account.
package enum UserEvent: Sendable, Hashable {
    case registered(username: Personal<String>, email: Personal<String>, role: Role)
    /// Only what changed is there; a cleared field is empty text.
    case profileChanged(username: Personal<String>?, displayName: Personal<String>?, bio: Personal<String>?)
    case emailChanged(email: Personal<String>)
    case roleChanged(role: Role)
    case deactivated
    case reactivated
    case closed
}

extension UserRules {
    /// The events that decide what an account is: the last of each kind of change, and the last that gave each part.
    package static let decisive = DecisiveEvents(
        types: [["UserRoleChanged"], ["UserDeactivated", "UserReactivated"], ["UserClosed"]], fields: ["username", "email", "displayName", "bio"])

    package static var loadedEvents: DecisiveEvents? { decisive }

    /// The stored form of every user event. Names and fields are pinned by golden files: the log keeps them for ever.
    package static let schemas = [
        EventSchema("UserRegistered", in: category, [.personal("username"), .personal("email"), .open("role", .text)]),
        EventSchema("UserProfileChanged", in: category, [.personal("username"), .personal("displayName"), .personal("bio")]),
        EventSchema("UserEmailChanged", in: category, [.personal("email")]),
        EventSchema("UserRoleChanged", in: category, [.open("role", .text)]),
        EventSchema("UserDeactivated", in: category, []),
        EventSchema("UserReactivated", in: category, []),
        EventSchema("UserClosed", in: category, erases: true, []),
    ]

    package static func encode(_ event: UserEvent) -> NewEvent {
        switch event {
        case .registered(let username, let email, let role):
            NewEvent(
                type: "UserRegistered", schemaVersion: 1, data: ["username": username.json, "email": email.json, "role": .string(role.rawValue)])
        case .profileChanged(let username, let displayName, let bio):
            NewEvent(
                type: "UserProfileChanged", schemaVersion: 1,
                data: .present(["username": username?.json, "displayName": displayName?.json, "bio": bio?.json]))
        case .emailChanged(let email): NewEvent(type: "UserEmailChanged", schemaVersion: 1, data: ["email": email.json])
        case .roleChanged(let role): NewEvent(type: "UserRoleChanged", schemaVersion: 1, data: ["role": .string(role.rawValue)])
        case .deactivated: NewEvent(type: "UserDeactivated", schemaVersion: 1, data: [:])
        case .reactivated: NewEvent(type: "UserReactivated", schemaVersion: 1, data: [:])
        case .closed: NewEvent(type: "UserClosed", schemaVersion: 1, data: [:])
        }
    }

    package static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> UserEvent {
        let fields = try EventFields(event, in: schemas)
        switch event.type {
        case "UserRegistered":
            return .registered(username: try fields.personal("username"), email: try fields.personal("email"), role: try fields.role("role"))
        case "UserProfileChanged":
            return .profileChanged(
                username: try fields.personalIfPresent("username"), displayName: try fields.personalIfPresent("displayName"),
                bio: try fields.personalIfPresent("bio"))
        case "UserEmailChanged": return .emailChanged(email: try fields.personal("email"))
        case "UserRoleChanged": return .roleChanged(role: try fields.role("role"))
        case "UserDeactivated": return .deactivated
        case "UserReactivated": return .reactivated
        case "UserClosed": return .closed
        default: throw EventDecodingError(event, reason: "not in the category \(category)")
        }
    }
}
