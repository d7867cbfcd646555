package import EventSourcing
package import FoundationEssentials

/// What can be asked of a post.
package enum PostCommand: Sendable, Hashable {
    /// Writes a new post, published at once if so wished.
    case draft(author: UUID, title: String, slug: Slug, content: String, publish: Bool)
    case edit(by: Actor, PostEdit)
    /// Publishes at the moment of recording, or at the past time named, as an import does.
    case publish(by: Actor, at: Timestamp?)
    case unpublish(by: Actor)
    case delete(by: Actor)
}

/// The parts of a post that an edit may change; nil leaves a part as it is.
package struct PostEdit: Sendable, Hashable {
    package var title: String?
    package var slug: Slug?
    package var content: String?

    package init(title: String? = nil, slug: Slug? = nil, content: String? = nil) {
        self.title = title
        self.slug = slug
        self.content = content
    }
}

/// Why the rules refuse a command on a post.
package enum PostRefusal: Error, Hashable {
    /// There never was such a post.
    case notFound
    /// There is or was one, and who asks may not know: another's draft, or another's post that was deleted.
    case notVisible
    /// There is a post under this id already.
    case alreadyDrafted
    /// It is published for all to see, but only its author and admins may.
    case notAuthor
    /// It was deleted, for good.
    case deleted
}
