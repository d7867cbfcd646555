import EventSourcing
package import FoundationEssentials
import JSON
import Publishing
import PublishingAPI

/// Which accounts the operator has named for a blog's authors.
package struct NamedAccounts: Sendable {
    /// For the authors that `byAuthor` does not name.
    package var everyone: UUID?
    /// By the key that posts write.
    package var byAuthor: [String: UUID] = [:]

    package init(everyone: UUID? = nil, byAuthor: [String: UUID] = [:]) {
        self.everyone = everyone
        self.byAuthor = byAuthor
    }

    func account(of author: String) -> UUID? { byAuthor[author] ?? everyone }
}

/// Finds or makes the accounts of a blog's authors: one that the operator names, else one that has posts of the author from earlier imports,
/// else a new one. An account that only has a fitting name is a stranger's.
struct AuthorAccounts {
    let client: APIClient
    let plan: ImportPlan
    let named: NamedAccounts

    struct Settled: Sendable {
        let author: String
        /// Nil when there is no account.
        let id: UUID?
        let isNew: Bool
        let failure: String?
    }

    /// The author's account. A refusal becomes a failure.
    func settle(_ author: String, _ hashes: ImportHashes) async throws -> Settled {
        if let id = named.account(of: author) ?? plan.records.authors[hashes.author(author)] {
            return Settled(author: author, id: id, isNew: false, failure: nil)
        }
        do {
            let id = try await register(author, hashes)
            return Settled(author: author, id: id, isNew: true, failure: nil)
        } catch let refusal as APIRefusal {
            return Settled(author: author, id: nil, isNew: false, failure: "author \(author): no account could be made: \(refusal)")
        }
    }

    /// Registers under the first free name. The request depends on the author and the name alone, so a run that follows a killed one gets the
    /// same account by its idempotency key, and nobody else can.
    private func register(_ author: String, _ hashes: ImportHashes) async throws -> UUID {
        var number = 1
        while true {
            let username = Self.username(for: author, number: number, tag: hashes.tag(of: author))
            let body: JSONObject = [
                "username": .string(username), "email": .string("\(username)@import.invalid"),
                "password": .string(hashes.password([author, username])),
            ]
            // Registration needs no token, but with the operator's it is spared the limit on registrations from one address.
            let request = APIRequest(
                .post, Endpoint.register.path(), as: .operatorAdmin, body: body, idempotencyKey: hashes.key(["author", author, username]))
            let answer = try await client.answer(to: request)
            guard answer.isSuccess else {
                let refusal = APIRefusal(answer)
                guard refusal.code == "DUPLICATE_ENTRY", number < 100 else { throw refusal }
                number += 1
                continue
            }
            guard let id = answer.body?["data"]?["id"]?.text.flatMap({ UUID(lowercase: $0) }) else {
                throw ImportStopped.unexpectedAnswer("a registration without an id")
            }
            try await name(id, plan.displayNames[author] ?? author, isReplay: answer.isReplay)
            return id
        }
    }

    /// Gives a new account the author's name, and one that a killed run made only where nobody has given it one since.
    private func name(_ id: UUID, _ displayName: String, isReplay: Bool) async throws {
        if isReplay {
            let profile = try await client.success(of: APIRequest(.get, Endpoint.user.path(id.lowercased), as: .operatorAdmin))
            guard profile.body?["data"]?["displayName"]?.text == nil else { return }
        }
        guard let name = DisplayName(beginningOf: displayName.cleanedLine.text) else { return }
        let body: JSONObject = ["displayName": .string(name.text)]
        _ = try await client.success(of: APIRequest(.patch, Endpoint.updateCurrentUser.path(), as: .user(id), body: body))
    }

    /// The key in Latin letters, with a number from the second try on; `author_` and a short hash where nothing of it remains.
    static func username(for author: String, number: Int, tag: String) -> String {
        let hasLetters = author.unicodeScalars.contains { $0.properties.isAlphabetic || $0.properties.numericType != nil }
        let base = hasLetters ? Slug(for: author).text.replacing("-", with: "_") : "author_\(tag)"
        let suffix = number == 1 ? "" : "_\(number)"
        let name = base.prefix(30 - suffix.utf8.count) + suffix
        return name + String(repeating: "_", count: max(0, 3 - name.utf8.count))
    }
}
