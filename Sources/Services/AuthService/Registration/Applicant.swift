import EventSourcing
import HTTPContract
import JSON
import Publishing

/// Who wants to be registered: a body that passed every check.
struct Applicant: Sendable {
    /// How long a password may be, in Unicode scalars (NIST SP 800-63B §5.1.1.2 asks for 8 and 64 at least).
    static let passwordLength = 12...128

    let username: String
    let email: String
    let password: String

    /// Reads the body; throws every violation at once.
    init(_ body: JSONObject) throws(Problem) {
        var fields = Fields(body)
        username = fields.text("username", 3...30, matching: .username)
        email = fields.text("email", 1...254, matching: .email)
        password = fields.text("password", Self.passwordLength)
        try fields.finish()
    }

    /// What a repeat under the same idempotency key must have in common. It covers the password without revealing it: the key of the hash is the system's own, and
    /// the other parts keep equal passwords from looking equal.
    func digest(with hasher: any KeyedHasher, idempotencyKey: String) -> String {
        Base64URL.encode(hasher.hash(["registration", idempotencyKey, username, email, password]))
    }
}

extension KeyedHasher {
    /// The hash under which the log's claims hold an email, too. Nil for a text that is no address.
    func hash(email: String) -> [UInt8]? {
        EmailAddress(email).map { hash([ClaimKind.email.rawValue, $0.comparable]) }
    }
}
