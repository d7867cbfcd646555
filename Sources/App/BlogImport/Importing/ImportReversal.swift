package import EventSourcing
package import FoundationEssentials
import PublishingAPI

/// Takes back what one import made and nobody has touched since: deletes its posts. The authors' accounts stay, empty, for the next import.
package struct ImportReversal: Sendable {
    /// How it ended, in numbers.
    package struct Summary: Sendable, Equatable, CustomStringConvertible {
        package var deleted = 0
        /// Posts that somebody, or another import, has written to.
        package var kept = 0
        package var failed = 0

        package var description: String { "\(deleted) posts deleted, \(kept) kept because they were changed since, \(failed) failed" }
    }

    private let posts: [ImportRecords.Post]

    /// Nil when no import of that id has made anything.
    package init?(of id: UUID, in streams: [ImportedStream]) {
        posts = streams.compactMap(ImportRecords.Post.init).filter { $0.origin.id == id }
        if posts.isEmpty { return nil }
    }

    /// The imports that have made posts: their ids, the oldest first, and how many posts each has made.
    package static func imports(in streams: [ImportedStream]) -> [(id: UUID, posts: Int)] {
        let ids = streams.compactMap(ImportRecords.Post.init).map(\.origin.id)
        return Dictionary(grouping: ids) { $0 }.map { ($0.key, $0.value.count) }.sorted { $0.0.lowercased < $1.0.lowercased }
    }

    /// Deletes the posts. Throws ``ImportStopped`` when the system can't be reached.
    package func run(_ client: APIClient, concurrency: Int = 8, notify: @escaping @Sendable (ImportNotice) -> Void = { _ in }) async throws -> Summary
    {
        _ = try await client.success(of: APIRequest(.get, "\(Endpoint.listUsers.path())?limit=1", as: .operatorAdmin))
        var summary = Summary()
        let present = posts.filter { !$0.isDeleted }
        let kept = present.filter { $0.isTouched || !$0.isOfOneImport }
        summary.kept = kept.count
        for post in kept { notify(.line("post \(post.id.lowercased): was changed since; it stays")) }
        let untouched = present.filter { !$0.isTouched && $0.isOfOneImport }
        var completed = 0
        try await forEach(of: untouched, limit: concurrency, run: { post in (post, try await Self.delete(post, client)) }) { post, refusal in
            if refusal?.code == "PRECONDITION_FAILED" {
                summary.kept += 1
            } else if let refusal {
                summary.failed += 1
                notify(.line("post \(post.id.lowercased): not deleted: \(refusal)"))
            } else {
                summary.deleted += 1
            }
            completed += 1
            notify(.progress(completed: completed, total: untouched.count))
        }
        return summary
    }

    /// The deletion says that an import made it, so that the next one takes the file for new.
    private static func delete(_ post: ImportRecords.Post, _ client: APIClient) async throws -> APIRefusal? {
        let request = APIRequest(
            .delete, Endpoint.deletePost.path(post.id.lowercased), as: .user(post.author),
            idempotencyKey: "import-undo-\(post.id.lowercased)-\(post.version)", ifVersion: post.version, from: post.origin)
        let answer = try await client.answer(to: request)
        return answer.isSuccess ? nil : APIRefusal(answer)
    }
}
