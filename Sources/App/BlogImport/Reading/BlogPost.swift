package import EventSourcing

/// The readers that a post has after the import.
package enum Visibility: Sendable, Equatable {
    case everyone
    /// Everything in the file says that it is public, from that time on.
    case scheduled(at: Timestamp)
    case draft(because: String)

    package var isPublic: Bool { self == .everyone }

    package var scheduledAt: Timestamp? {
        if case .scheduled(let time) = self { time } else { nil }
    }
}

/// One post as a file has it: every rule of its fields already holds.
package struct BlogPost: Sendable, Equatable {
    /// Wanted; another post may have it.
    package let slug: String
    /// Whether the front matter says the slug, rather than the file's name.
    package let namesItsSlug: Bool
    package let language: String?
    /// 1–255 characters.
    package let title: String
    /// The keys as they were written, at least one; the first owns the post.
    package let authors: [String]
    /// When it says it was published.
    package let date: Timestamp?
    package let visibility: Visibility
    /// Whether the file asks for a public post, whatever the time. A date that lies ahead makes a schedule today and changes no file when it comes.
    package let asksToBePublic: Bool
    /// Markdown, 1–200,000 characters.
    package let content: String
    /// Images that the content shows and that an import leaves behind, in the order of their use.
    package let images: [String]

    /// The key of posts that name no author.
    package static let unknownAuthor = "unknown"

    /// The parts that an update can change. Two files with equal parts are the same post.
    var importedParts: [String] {
        [title, content, namesItsSlug ? slug : "", date?.description ?? "", asksToBePublic ? "public" : "draft"]
    }
}
