import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import JSON
import Logging
import Publishing

/// Registration across two databases, in steps that a crash can't leave half done:
///
///     pending credentials (identity) → user with claims (log) → active credentials and account (identity)
///
/// The log decides. A registration that is in the log is finished, and one that is not is undone: by the request itself, by the follower, or by
/// `finishPending()`.
struct Registration: Sendable {
    let credentials: Credentials
    let accounts: Accounts
    let users: UserDirectory
    let passwords: PasswordHasher
    let hasher: any KeyedHasher
    let settings: AuthSettings
    let logger: Logger

    /// Registers the applicant, or gives the answer of an earlier, equal request under the same key. Throws a problem.
    func register(_ applicant: Applicant, idempotencyKey: String?, context: CallContext) async throws -> RegisteredUser {
        let now = settings.now()
        let id = UUID.v7(at: now)
        let party = HashingParty(account: nil, origin: context.clientAddress)
        try await credentials.insertPending(passwords.hash(applicant.password, for: party), for: id, at: now)
        let answer = try await users.register(
            id, username: applicant.username.text, email: applicant.email.text,
            requestDigest: idempotencyKey.map { applicant.digest(with: hasher, idempotencyKey: $0) }, idempotencyKey: idempotencyKey, context: context
        )
        switch answer {
        case .refused(let problem, let isFinal):
            // If the refusal is not final, the log may have taken it after all. Then the pending registration is finished later.
            if isFinal { try await credentials.deletePending(of: id) }
            throw problem
        case .registered(let user):
            if user.profile.id != id { try await credentials.deletePending(of: id) }
            // A replay may repeat a request that died before this point, with the same password. If nothing is pending any more, nothing happens.
            try await accounts.insertRegistered(user.profile.id, emailHash: hasher.hash(applicant.email), position: user.position)
            try await credentials.activate(user.profile.id)
            return user
        }
    }

    /// Finishes or undoes the registrations that requests left behind. It activates those in the log and deletes those that the log has not known for
    /// longer than a request takes. It is safe at any time and in several processes at once. A registration that the command service can't answer for
    /// waits for the next round and holds up no other; the error is thrown at the end.
    func finishPending() async throws {
        var failure: (any Error)?
        for registration in try await credentials.pending() {
            do {
                try await finish(registration)
            } catch  where !Task.isCancelled {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func finish(_ registration: Credentials.Pending) async throws {
        let oldest = settings.now().advanced(by: .zero - settings.registrationPatience)
        if try await users.find(registration.user) != nil {
            try await credentials.activate(registration.user)
            logger.notice("finished a registration", metadata: ["user": "\(registration.user.lowercased)"])
        } else if registration.createdAt < oldest {
            try await credentials.deletePending(of: registration.user)
            logger.notice("undid a registration", metadata: ["user": "\(registration.user.lowercased)"])
        }
    }
}

/// A request to be registered that has passed every check.
struct Applicant: Sendable {
    /// The length of a password in Unicode scalars (NIST SP 800-63B §5.1.1.2 asks for 8 and 64 at least).
    static let passwordLength = 12...128

    let username: Username
    let email: Email
    let password: String

    /// Reads the body; throws every violation at once.
    init(_ body: JSONObject) throws(Problem) {
        var fields = Fields(body)
        let givenUsername = fields.required("username", as: Username.self)
        let givenEmail = fields.required("email", as: Email.self)
        password = fields.text("password", Self.passwordLength)
        (username, email) = try fields.finish(givenUsername, givenEmail)
    }

    /// The digest that a repeat under the same idempotency key must share. It covers the password without revealing it: the hash has the system's own
    /// key, and the other parts keep equal passwords from looking equal.
    func digest(with hasher: any KeyedHasher, idempotencyKey: String) -> String {
        Base64URL.encode(hasher.hash(["registration", idempotencyKey, username.text, email.text, password]))
    }
}

extension KeyedHasher {
    /// The hash of an email, as the log's claims hold it.
    func hash(_ email: Email) -> [UInt8] { hash([ClaimKind.email.rawValue, email.comparable]) }

    /// The same for a text; nil if it is not an address, which nobody can have registered.
    func hash(email text: String) -> [UInt8]? { (try? Email(text)).map { hash($0) } }
}
