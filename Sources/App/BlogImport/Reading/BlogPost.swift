package import EventSourcing

/// One post as it will be asked of the system: every rule of its fields already holds.
package struct BlogPost: Sendable, Equatable {
    /// Where it came from, by its path inside the blog's folder.
    package let file: String
    /// Unique within the blog.
    package var slug: String
    /// 1–255 characters.
    package let title: String
    /// The keys as they were written, at least one; the first owns the post.
    package let authors: [String]
    /// When it says it was published; nil when that is unknown or lies ahead, so that it counts from the import.
    package let date: Timestamp?
    /// False for one that stays a draft.
    package let isPublished: Bool
    /// Markdown, 1–200,000 characters.
    package let content: String

    /// The key of posts that name no author.
    package static let unknownAuthor = "unknown"
    static let maximumTitleLength = 255
    static let maximumContentLength = 200_000
}
