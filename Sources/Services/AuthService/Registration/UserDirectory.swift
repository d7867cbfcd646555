import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Logging
import PublishingAPI

/// The users as the command service reads them from the log. Every failure is a problem that a client may see.
struct UserDirectory: Sendable {
    let commands: ServiceClient
    let logger: Logger

    /// Registers a user in the log: makes the data key, takes the claims, appends. Without an answer it may have happened.
    /// - Parameter requestDigest: the digest that a repeat under the same idempotency key must share, beyond the other fields.
    func register(
        _ id: UUID, username: String, email: String, requestDigest: String?, idempotencyKey: String?, context: CallContext
    ) async throws -> RegistrationAnswer {
        var body: JSONObject = ["id": .string(id.lowercased), "username": .string(username), "email": .string(email)]
        if let requestDigest { body["requestDigest"] = .string(requestDigest) }
        var headers = HTTPFields()
        if let idempotencyKey { headers[.idempotencyKey] = idempotencyKey }
        let answer = try await commands.reach(logger: logger) { try await $0.post(.registerUser, json: body, headers: headers, context: context) }
        guard answer.isSuccess else { return .refused(refusal(in: answer), isFinal: answer.status.kind == .clientError) }
        guard let data = answer.data, let user = RegisteredUser(data, headers: answer.headers) else { throw unreadable(answer) }
        return .registered(user)
    }

    /// The user as the log has them now; nil if it has none.
    func find(_ id: UUID, context: CallContext? = nil) async throws -> UserStanding? {
        let answer = try await commands.reach(logger: logger) { try await $0.get(.registeredUser, id.lowercased, context: context) }
        if answer.problemCode == .notFound { return nil }
        guard answer.isSuccess else { throw refusal(in: answer) }
        guard let standing = answer.data.flatMap(UserStanding.init) else { throw unreadable(answer) }
        return standing
    }

    /// The command service's refusal as the client sees it. A refusal of the request is passed on; a fault between the two services is not.
    private func refusal(in answer: ServiceAnswer) -> Problem {
        switch answer.problemCode {
        case .duplicateEntry, .conflict, .positionAhead, .validationError, .idempotencyKeyReused, .malformedRequest, .timeout:
            if let problem = Problem(passedOnFrom: answer) { return problem }
        case .badUpstream, .unavailable, .readModelBehind, .rateLimited:
            return .unavailable(retryAfter: answer.headers[.retryAfter].flatMap { Int($0) } ?? 1)
        case .foreignKeyViolation, .unauthenticated, .forbidden, .notFound, .methodNotAllowed, .preconditionFailed, .payloadTooLarge,
            .unsupportedMediaType, .requestTimeout, .targetTooLong, .headTooLarge, .notImplemented, .internalError, nil:
            break
        }
        return unreadable(answer)
    }

    private func unreadable(_ answer: ServiceAnswer) -> Problem {
        logger.error(
            "the command service gave an answer that makes no sense",
            metadata: [
                "status": "\(answer.status.code)", "code": "\(answer.problemCode?.rawValue ?? "none")",
                "requestId": "\(answer.headers[.requestID].map { RequestIdentity.logged($0) } ?? "none")",
            ])
        return .internalError()
    }
}

/// The command service's answer to a registration.
enum RegistrationAnswer: Sendable {
    case registered(RegisteredUser)
    /// If it is final, nothing of it is in the log or will be.
    case refused(Problem, isFinal: Bool)
}

/// A user who is in the log.
struct RegisteredUser: Sendable {
    /// Its username is nil if the user was forgotten before this repeat.
    let profile: UserProfile
    /// The position of the registration in the log.
    let position: Int64
    /// Whether this is the answer to an earlier, equal request.
    let isReplay: Bool

    /// Nil when something is missing.
    init?(_ data: JSONValue, headers: HTTPFields) {
        guard let profile = UserProfile(data), let position = headers[.position].flatMap({ Int64($0) }) else { return nil }
        self.profile = profile
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
