import EventSourcing
import FoundationEssentials
import Publishing

/// The posts that imports of one blog have made so far, as the log has them.
struct ImportRecords: Sendable {
    /// A post that an import made.
    struct Post: Sendable, Equatable {
        let id: UUID
        /// Its author's account.
        let author: UUID
        /// That of its last event.
        let version: Int
        /// Of the event that made it.
        let origin: ImportOrigin
        /// The digest that its last imported change had.
        let digest: String
        /// Whether anybody but an import has written to it.
        let isTouched: Bool
        /// Whether only the import that made it has written to it.
        let isOfOneImport: Bool
        let isPublic: Bool
        /// Whether it is published by itself at a time to come.
        let isScheduled: Bool
        let isDeleted: Bool
    }

    /// By the hash of their files' paths: the newest of each that no import has taken back.
    private(set) var posts: [String: Post] = [:]
    /// The accounts that have posts of an author, by the hash of the author's key.
    private(set) var authors: [String: UUID] = [:]
    /// How many posts each file has had, those taken back included.
    private(set) var generations: [String: Int] = [:]

    /// - Parameter streams: all that imports wrote to.
    init(_ streams: [ImportedStream], collection: String) {
        let posts = streams.compactMap(Post.init).filter { $0.origin.collection == collection }.sorted { $0.id.lowercased < $1.id.lowercased }
        for post in posts {
            generations[post.origin.source, default: 0] += 1
            authors[post.origin.author] = post.author
            // Taken back by an import, it is as if it had never been; deleted by anybody else, it stays deleted.
            if post.isDeleted, !post.isTouched { self.posts[post.origin.source] = nil } else { self.posts[post.origin.source] = post }
        }
    }
}

extension ImportRecords {
    /// Those whose files are gone, the oldest first.
    func posts(withoutFileIn sources: Set<String>) -> [Post] {
        posts.filter { !sources.contains($0.key) && !$0.value.isDeleted }.values.sorted { $0.id.lowercased < $1.id.lowercased }
    }
}

extension ImportRecords.Post {
    /// Nil for a stream that is no post, or one that no import made.
    init?(_ stream: ImportedStream) {
        guard stream.name.category == PostRules.category, let first = stream.entries.first, let last = stream.entries.last,
            let origin = first.metadata.origin, let author = first.metadata.actor
        else { return nil }
        let origins = stream.entries.map(\.metadata.origin)
        let types = stream.entries.map(\.type)
        func newest(of kinds: Set<String>) -> String? { types.last { kinds.contains($0) } }
        self.init(
            id: stream.name.id, author: author, version: last.version, origin: origin, digest: origins.last { $0 != nil }??.digest ?? origin.digest,
            isTouched: origins.contains(nil), isOfOneImport: origins.allSatisfy { $0?.id == origin.id },
            isPublic: newest(of: ["PostPublished", "PostUnpublished", "PostDeleted"]) == "PostPublished",
            isScheduled: newest(of: ["PostScheduled", "PostUnscheduled", "PostPublished", "PostDeleted"]) == "PostScheduled",
            isDeleted: types.contains("PostDeleted"))
    }
}
