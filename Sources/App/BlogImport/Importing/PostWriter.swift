import EventSourcing
import FoundationEssentials
import JSON
import PublishingAPI

/// Does to one post what the plan says.
struct PostWriter {
    let client: APIClient
    let hashes: ImportHashes
    /// The run.
    let id: UUID
    let records: ImportRecords

    enum Outcome: Sendable, Equatable {
        case created(Visibility, slug: String)
        case published
        case scheduled
        case updated(slugStays: Bool)
        /// Somebody changed the post after the plan was made.
        case edited
        case refused(String)
    }

    /// A refusal is an outcome; throws only what ends the import.
    func write(_ entry: ImportPlan.Entry, owner: UUID?) async throws -> Outcome? {
        guard let post = entry.post, let path = entry.path else { return nil }
        do {
            switch entry.action {
            case .create:
                guard let owner else { return .refused("its author has no account") }
                return try await create(post, path, owner, from: entry.slug)
            case .publish:
                guard let record = entry.record else { return nil }
                _ = try await publish(post, record.id, as: record.author, ifVersion: record.version, from: origin(of: post, path))
                return .published
            case .schedule:
                guard let record = entry.record, let time = post.visibility.scheduledAt else { return nil }
                _ = try await schedule(post, at: time, record.id, as: record.author, ifVersion: record.version, from: origin(of: post, path))
                return .scheduled
            case .update:
                guard let record = entry.record else { return nil }
                return try await update(post, record, from: origin(of: post, path, author: record.origin.author))
            case .nothing, .skip: return nil
            }
        } catch let refusal as APIRefusal {
            if refusal.code == "PRECONDITION_FAILED" { return .edited }
            return .refused(refusal.status == 401 ? "its author's account is not active" : "\(refusal)")
        }
    }

    private func origin(of post: BlogPost, _ path: String, author: String? = nil) -> ImportOrigin {
        ImportOrigin(
            id: id, collection: hashes.collection, source: hashes.source(path), author: author ?? hashes.author(post.authors[0]),
            digest: hashes.digest(post))
    }

    /// Tries the slug of the plan, then the post's further ones: one that is taken is somebody's own.
    private func create(_ post: BlogPost, _ path: String, _ owner: UUID, from wanted: String?) async throws -> Outcome {
        let origin = origin(of: post, path)
        let generation = records.generations[origin.source, default: 0]
        for slug in SlugCandidates(post, from: wanted) {
            let body: JSONObject = ["title": .string(post.title), "content": .string(post.content), "slug": .string(slug)]
            let key = hashes.key(["post", path, "\(generation)", slug] + post.importedParts)
            let answer = try await client.answer(
                to: APIRequest(.post, Endpoint.createPost.path(), as: .user(owner), body: body, idempotencyKey: key, from: origin))
            guard answer.isSuccess else {
                let refusal = APIRefusal(answer)
                guard refusal.code == "DUPLICATE_ENTRY" else { throw refusal }
                continue
            }
            guard let id = answer.body?["data"]?["id"]?.text.flatMap({ UUID(lowercase: $0) }) else {
                throw ImportStopped.unexpectedAnswer("a new post without an id")
            }
            switch post.visibility {
            case .everyone: _ = try await publish(post, id, as: owner, ifVersion: nil, from: origin)
            case .scheduled(let time): _ = try await schedule(post, at: time, id, as: owner, ifVersion: nil, from: origin)
            case .draft: break
            }
            return .created(post.visibility, slug: slug)
        }
        return .refused("its slug \(post.slug) is taken, and so are a hundred made from it")
    }

    /// Returns the post's version then.
    private func publish(_ post: BlogPost, _ id: UUID, as author: UUID, ifVersion version: Int?, from origin: ImportOrigin) async throws -> Int {
        var body = JSONObject()
        if let date = post.date { body["publishedAt"] = .string(date.description) }
        return try await command(.publishPost, id, as: author, body, ifVersion: version, from: origin)
    }

    /// Has the system publish the post at that time. One whose time has come meanwhile is published at once.
    private func schedule(
        _ post: BlogPost, at time: Timestamp, _ id: UUID, as author: UUID, ifVersion version: Int?, from origin: ImportOrigin
    ) async throws -> Int {
        do {
            return try await command(.schedulePost, id, as: author, ["at": .string(time.description)], ifVersion: version, from: origin)
        } catch let refusal as APIRefusal where refusal.code == "VALIDATION_ERROR" && time <= .now {
            return try await publish(post, id, as: author, ifVersion: version, from: origin)
        }
    }

    /// Hides a post that becomes a draft before its text changes, and shows one that becomes public after.
    private func update(_ post: BlogPost, _ record: ImportRecords.Post, from origin: ImportOrigin) async throws -> Outcome {
        var version = record.version
        if record.isPublic, !post.visibility.isPublic {
            version = try await command(.unpublishPost, record.id, as: record.author, [:], ifVersion: version, from: origin)
        }
        if record.isScheduled, !post.visibility.isPublic {
            version = try await command(.unschedulePost, record.id, as: record.author, [:], ifVersion: version, from: origin)
        }
        var body: JSONObject = ["title": .string(post.title), "content": .string(post.content)]
        var slugStays = false
        do {
            if post.namesItsSlug { body["slug"] = .string(post.slug) }
            version = try await command(.editPost, record.id, as: record.author, body, ifVersion: version, from: origin)
        } catch let refusal as APIRefusal where refusal.code == "DUPLICATE_ENTRY" {
            // The post has the address that it got when the wanted one was somebody's.
            body["slug"] = nil
            slugStays = true
            version = try await command(.editPost, record.id, as: record.author, body, ifVersion: version, from: origin)
        }
        switch post.visibility {
        case .everyone: _ = try await publish(post, record.id, as: record.author, ifVersion: version, from: origin)
        case .scheduled(let time): _ = try await schedule(post, at: time, record.id, as: record.author, ifVersion: version, from: origin)
        case .draft: break
        }
        return .updated(slugStays: slugStays)
    }

    private func command(
        _ endpoint: Endpoint, _ id: UUID, as author: UUID, _ body: JSONObject, ifVersion version: Int?, from origin: ImportOrigin
    ) async throws -> Int {
        let method: APIRequest.Method = endpoint == .editPost ? .patch : endpoint == .unschedulePost ? .delete : .post
        // Without the key, a repeat after a lost answer would find a later version than it asks for.
        let key = hashes.key([self.id.lowercased, endpoint.rawValue, id.lowercased, "\(version ?? 0)", JSONValue.object(body).serialized])
        let answer = try await client.success(
            of: APIRequest(
                method, endpoint.path(id.lowercased), as: .user(author), body: body, idempotencyKey: key, ifVersion: version, from: origin))
        guard let version = answer.version else { throw ImportStopped.unexpectedAnswer("a post without a version") }
        return version
    }
}
