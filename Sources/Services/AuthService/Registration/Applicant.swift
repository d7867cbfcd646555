import AccessTokens
import EventSourcing
import HTTPContract
import JSON
import Publishing

/// A request to be registered that has passed every check.
struct Applicant: Sendable {
    /// How long a password may be, in Unicode scalars (NIST SP 800-63B §5.1.1.2 asks for 8 and 64 at least).
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

    /// A digest that a repeat under the same idempotency key must have in common. It covers the password without revealing it: the key of the hash
    /// is the system's own, and
    /// the other parts keep equal passwords from looking equal.
    func digest(with hasher: any KeyedHasher, idempotencyKey: String) -> String {
        Base64URL.encode(hasher.hash(["registration", idempotencyKey, username.text, email.text, password]))
    }
}

extension KeyedHasher {
    /// The hash under which the log's claims hold an email, too.
    func hash(_ email: Email) -> [UInt8] { hash([ClaimKind.email.rawValue, email.comparable]) }

    /// The same of a text; nil when it is no address, which is as good as one that nobody has.
    func hash(email text: String) -> [UInt8]? { (try? Email(text)).map { hash($0) } }
}
