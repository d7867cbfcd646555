package import FoundationEssentials

/// The rights to a post: to read it, and to see and do what only its author and admins may.
package struct PostAccess: Sendable {
    /// The answer to a caller who asks for something that only the author and admins may have.
    package enum Verdict: Sendable {
        case granted
        /// The caller may see the post and no more.
        case forbidden
        /// The caller may not even know that there is such a post.
        case hidden
    }

    package let author: UUID
    package let isPublished: Bool

    package init(author: UUID, isPublished: Bool) {
        self.author = author
        self.isPublished = isPublished
    }

    /// Whether a caller may read the post. A draft is for its author and admins.
    package func isReadable(by user: UUID?, isAdmin: Bool) -> Bool { isPublished || Self.mayManage(postsOf: author, user, isAdmin: isAdmin) }

    /// Whether a caller may have what only the author and admins may, such as the history.
    package func management(by user: UUID?, isAdmin: Bool) -> Verdict {
        if Self.mayManage(postsOf: author, user, isAdmin: isAdmin) { return .granted }
        return isPublished ? .forbidden : .hidden
    }

    package static func mayManage(postsOf author: UUID, _ user: UUID?, isAdmin: Bool) -> Bool { isAdmin || user == author }
}
