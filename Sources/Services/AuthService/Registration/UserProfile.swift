import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import PublishingAPI

/// A user who is in the log by now.
struct RegisteredUser: Sendable {
    let id: UUID
    /// Nil when a repeat comes after the user asked to be forgotten.
    let username: String?
    let role: String
    /// RFC 3339, as the log's owner wrote it.
    let createdAt: String
    let version: Int
    /// Where the registration stands in the log.
    let position: Int64
    /// Whether this is the answer to an earlier, equal request.
    let isReplay: Bool

    /// Nil when something is missing.
    init?(_ data: JSONValue, headers: HTTPFields) {
        guard let id = data["id"]?.text.flatMap({ UUID(lowercase: $0) }), let role = data["role"]?.text,
            let createdAt = data["createdAt"]?.text, let version = data["version"]?.int, let position = headers[.position].flatMap({ Int64($0) })
        else { return nil }
        self.id = id
        username = data["username"]?.text
        self.role = role
        self.createdAt = createdAt
        self.version = Int(version)
        self.position = position
        isReplay = headers[.idempotencyReplayed] == "true"
    }
}

/// How a user stands with the log at this moment.
enum UserStanding: Sendable {
    case active(UserProfile)
    /// Deactivated or closed: known, and not let in.
    case inactive

    /// Nil when something is missing.
    init?(_ data: JSONValue) {
        guard let status = data["status"]?.text else { return nil }
        guard status == "active" else {
            self = .inactive
            return
        }
        guard let profile = UserProfile(data) else { return nil }
        self = .active(profile)
    }
}

/// A user as signing in shows and needs them.
struct UserProfile: Sendable {
    let id: UUID
    let username: String?
    let displayName: String?
    let role: SignedInUser.Role
    /// The version of the user's stream that all this is of.
    let version: Int
    /// RFC 3339, as the log's owner wrote it.
    let createdAt: String

    /// Nil when something is missing.
    init?(_ data: JSONValue) {
        guard let id = data["id"]?.text.flatMap({ UUID(lowercase: $0) }), let role = data["role"]?.text.flatMap({ SignedInUser.Role(rawValue: $0) }),
            let createdAt = data["createdAt"]?.text, let version = data["version"]?.int.flatMap({ Int(exactly: $0) })
        else { return nil }
        self.id = id
        username = data["username"]?.text
        displayName = data["displayName"]?.text
        self.role = role
        self.version = version
        self.createdAt = createdAt
    }

    func write(to writer: inout JSONWriter) {
        var user = UserDocument(id: id, username: username, role: role.rawValue, createdAt: Timestamp(createdAt))
        user.displayName = displayName
        user.write([.displayName], to: &writer)
    }
}

extension Problem {
    /// Another service's problem as our own; nil when the answer is none.
    init?(passedOnFrom answer: ServiceAnswer) {
        guard let code = answer.problemCode else { return nil }
        var details: [Violation] = []
        if case .array(let violations)? = answer.body?["details"] {
            details = violations.compactMap { violation in
                guard let field = violation["field"]?.text, let message = violation["message"]?.text else { return nil }
                return Violation(field, message)
            }
        }
        self.init(code, answer.body?["detail"]?.text ?? code.title, details: details)
    }
}
