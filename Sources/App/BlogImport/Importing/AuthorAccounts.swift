import EventSourcing
import FoundationEssentials
import JSON

/// Finds or makes the accounts of a blog's authors.
struct AuthorAccounts {
    let client: APIClient

    struct Settled: Sendable {
        let author: BlogAuthor
        /// Nil when there is no account.
        let id: UUID?
        let isNew: Bool
        let oddities: [Oddity]
    }

    /// The author's account, with the display name of the blog. A refusal becomes an oddity.
    func settle(_ author: BlogAuthor) async throws -> Settled {
        let account: Account
        do {
            account = try await findOrRegister(author)
        } catch let refusal as APIRefusal {
            return Settled(author: author, id: nil, isNew: false, oddities: [Self.oddity(author, "could not be made: \(refusal)")])
        }
        var oddities: [Oddity] = []
        if account.displayName != author.displayName {
            let body: JSONObject = ["displayName": .string(author.displayName)]
            do {
                _ = try await client.success(of: APIRequest(.patch, "/users/me", as: .user(account.id), body: body))
            } catch let refusal as APIRefusal {
                oddities.append(Self.oddity(author, "could not be named \"\(author.displayName)\": \(refusal)"))
            }
        }
        return Settled(author: author, id: account.id, isNew: account.isNew, oddities: oddities)
    }

    private struct Account {
        let id: UUID
        /// What readers see; the username where no name was set.
        let displayName: String
        let isNew: Bool

        init?(_ data: JSONValue?, isNew: Bool) {
            guard let id = data?["id"]?.text.flatMap({ UUID(lowercase: $0) }), let username = data?["username"]?.text else { return nil }
            self.id = id
            self.displayName = data?["displayName"]?.text ?? username
            self.isNew = isNew
        }
    }

    private func findOrRegister(_ author: BlogAuthor) async throws -> Account {
        if let account = try await find(author) { return account }
        let body: JSONObject = ["username": .string(author.username), "email": .string(author.email), "password": .string(RandomPassword.make())]
        // Registration needs no token, but with the operator's it is spared the limit on registrations from one address.
        let answer = try await client.answer(to: APIRequest(.post, "/auth/register", as: .operatorAdmin, body: body))
        if answer.isSuccess {
            guard let account = Account(answer.body?["data"], isNew: true) else {
                throw ImportStopped.unexpectedAnswer("a registration without an id")
            }
            return account
        }
        let refusal = APIRefusal(answer)
        guard refusal.code == "DUPLICATE_ENTRY" else { throw refusal }
        // The account is in the log but not yet in the list: made a moment ago by a run that was killed, or by our own request whose answer was lost.
        for attempt in 0..<LateView.attempts {
            try await client.pause(before: attempt)
            if let account = try await find(author, waitingFor: answer.position) { return account }
        }
        throw refusal
    }

    private func find(_ author: BlogAuthor, waitingFor position: Int64? = nil) async throws -> Account? {
        let request = APIRequest(.get, "/users?username=\(author.username)&limit=1", as: .operatorAdmin, waitingFor: position)
        let answer = try await client.success(of: request)
        guard case .array(let users)? = answer.body?["data"] else { throw ImportStopped.unexpectedAnswer("a list of users without data") }
        guard let user = users.first else { return nil }
        guard user["username"]?.text == author.username, let account = Account(user, isNew: false) else {
            throw ImportStopped.unexpectedAnswer("another user than \(author.username)")
        }
        return account
    }

    private static func oddity(_ author: BlogAuthor, _ message: String) -> Oddity {
        Oddity(file: "author \(author.key)", message: "the account \(author.username) \(message)")
    }
}

/// A password that nobody knows; an operator gives the author another one when they come.
enum RandomPassword {
    /// 32 characters of 64: 192 bits from the system's random source.
    static func make() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var random = SystemRandomNumberGenerator()
        return String((0..<32).map { _ in alphabet[Int(random.next() >> 58)] })
    }
}

/// How long to look for something that the log has and the read model does not show yet.
enum LateView {
    /// With the client's pauses between them: 11 to 21 seconds.
    static let attempts = 9
}
