import EventSourcing
import FoundationEssentials
import JSON

/// Finds or makes one post and publishes it if it should be.
struct PostPublication {
    let client: APIClient

    enum Outcome: Sendable, Equatable {
        case created(isPublished: Bool)
        /// It was there, from a run that did not come to publish it.
        case publishedNow
        case alreadyThere
        case failed(Oddity)
    }

    /// Brings one post to its wanted state. A refusal becomes an oddity.
    func settle(_ post: BlogPost, owner: UUID?) async throws -> Outcome {
        guard let owner else { return .failed(Oddity(file: post.file, message: "not imported: its author has no account")) }
        do {
            return try await settle(post, ownedBy: owner)
        } catch let refusal as APIRefusal {
            return .failed(Oddity(file: post.file, message: "not imported: \(refusal)"))
        }
    }

    private func settle(_ post: BlogPost, ownedBy owner: UUID) async throws -> Outcome {
        if let found = try await find(post) { return try await finish(found, post, owner) }
        let answer = try await client.answer(to: Self.creation(of: post, owner))
        if answer.isSuccess {
            guard let id = answer.body?["data"]?["id"]?.text else { throw ImportStopped.unexpectedAnswer("a new post without an id") }
            if post.isPublished { try await publish(id, post, owner) }
            // A replay is an earlier run's post that no view shows yet.
            guard answer.isReplay else { return .created(isPublished: post.isPublished) }
            return post.isPublished ? .publishedNow : .alreadyThere
        }
        let refusal = APIRefusal(answer)
        guard refusal.code == "DUPLICATE_ENTRY" else { throw refusal }
        // The slug is claimed in the log by a post that the read model does not show yet: a killed run's, most likely.
        for attempt in 0..<LateView.attempts {
            try await client.pause(before: attempt)
            if let found = try await find(post, waitingFor: answer.position) { return try await finish(found, post, owner) }
        }
        throw refusal
    }

    private struct Found {
        let id: String
        let isPublished: Bool
        let authorID: String
        let authorName: String
    }

    /// By its slug, drafts included, which the operator may see.
    private func find(_ post: BlogPost, waitingFor position: Int64? = nil) async throws -> Found? {
        let answer = try await client.answer(to: APIRequest(.get, "/posts/by-slug/\(post.slug)", as: .operatorAdmin, waitingFor: position))
        if answer.status == 404 { return nil }
        guard answer.isSuccess else { throw APIRefusal(answer) }
        guard let data = answer.body?["data"], let id = data["id"]?.text, case .bool(let isPublished)? = data["published"],
            let author = data["author"]?["id"]?.text
        else { throw ImportStopped.unexpectedAnswer("a post without an id, an author or a state") }
        return Found(id: id, isPublished: isPublished, authorID: author, authorName: data["author"]?["username"]?.text ?? author)
    }

    private func finish(_ found: Found, _ post: BlogPost, _ owner: UUID) async throws -> Outcome {
        // Somebody else's post that happens to have this slug is theirs to publish.
        guard found.authorID == owner.lowercased else {
            return .failed(Oddity(file: post.file, message: "not imported: the slug \(post.slug) is a post's of \(found.authorName)"))
        }
        guard post.isPublished, !found.isPublished else { return .alreadyThere }
        try await publish(found.id, post, owner)
        return .publishedNow
    }

    private func publish(_ id: String, _ post: BlogPost, _ owner: UUID) async throws {
        var body = JSONObject()
        if let date = post.date { body["publishedAt"] = .string(date.description) }
        _ = try await client.success(of: APIRequest(.post, "/posts/\(id)/publish", as: .user(owner), body: body))
    }

    private static func creation(of post: BlogPost, _ owner: UUID) -> APIRequest {
        let body: JSONObject = ["title": .string(post.title), "content": .string(post.content), "slug": .string(post.slug)]
        return APIRequest(.post, "/posts", as: .user(owner), body: body, idempotencyKey: idempotencyKey(for: post.slug, body))
    }

    /// The same for the same post in every run, so that a repeat after a lost answer or a killed run gets the first answer again. It covers the body, because
    /// the same key with an edited post would be refused.
    static func idempotencyKey(for slug: String, _ body: JSONObject) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in JSONValue.object(body).encoded { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return "import:\(slug.prefix(80)):\(String(hash, radix: 16))"
    }
}
