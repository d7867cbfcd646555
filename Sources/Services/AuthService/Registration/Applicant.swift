import AccessTokens
import EventSourcing
import HTTPContract
import JSON
import Publishing

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
