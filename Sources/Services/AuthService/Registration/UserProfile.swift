import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import PublishingAPI

/// A user who is in the log.
struct RegisteredUser: Sendable {
    let id: UUID
    /// Nil if the user was forgotten before this repeat.
    let username: String?
    let role: String
    /// RFC 3339, as the command service wrote it.
    let createdAt: String
    let version: Int
    /// The position of the registration in the log.
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

/// A user's state in the log now.
enum UserStanding: Sendable {
    case active(UserProfile)
    /// Deactivated or closed, so they may not sign in.
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

/// The parts of a user that signing in needs and shows.
struct UserProfile: Sendable {
    let id: UUID
    let username: String?
    let displayName: String?
    let role: SignedInUser.Role
    /// The version of the user's stream.
    let version: Int
    /// RFC 3339, as the command service wrote it.
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
    /// Another service's problem as our own; nil if the answer is not a problem.
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
