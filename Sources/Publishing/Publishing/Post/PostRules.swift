import EventSourcing

/// The rules of a post.
package enum PostRules: Decider {
    package typealias Command = PostCommand
    package typealias Event = PostEvent
    package typealias State = PostState
    package typealias Refusal = PostRefusal

    package static let category = "post"

    package static func decide(_ command: PostCommand, in state: PostState) throws(PostRefusal) -> [PostEvent] {
        switch command {
        case .draft(let author, let title, let slug, let content, let publish):
            guard case .nonexistent = state else { throw .alreadyDrafted }
            let drafted = PostEvent.drafted(author: author, title: .known(title), slug: .known(slug.text), content: .known(content))
            return publish ? [drafted, .published(publishedAt: nil)] : [drafted]
        case .edit(let actor, let edit):
            return edit.events(for: try state.opened(to: actor))
        case .publish(let actor, let time):
            _ = try state.opened(to: actor)
            return state.isPublished ? [] : [.published(publishedAt: time)]
        case .unpublish(let actor):
            _ = try state.opened(to: actor)
            return state.isPublished ? [.unpublished] : []
        case .delete(let actor):
            _ = try state.opened(to: actor)
            return [.deleted]
        }
    }
}

extension PostState {
    /// The post, for its author and for admins.
    fileprivate func opened(to actor: Actor) throws(PostRefusal) -> Post {
        guard let author else { throw .notFound }
        guard actor.role == .admin || actor.id == author else { throw isPublished ? .notAuthor : .notVisible }
        guard let post else { throw .deleted }
        return post
    }
}

extension PostEdit {
    fileprivate func events(for post: Post) -> [PostEvent] {
        let title = title?.asChange(of: post.title)
        let slug = slug?.text.asChange(of: post.slug)
        let content = content?.asChange(of: post.content)
        return title == nil && slug == nil && content == nil ? [] : [.edited(title: title, slug: slug, content: content)]
    }
}
