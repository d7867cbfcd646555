package import EventSourcing
package import FoundationEssentials

/// The rules of a post.
package enum PostRules: StreamRules {
    package typealias Command = PostCommand
    package typealias Event = PostEvent
    package typealias State = PostState
    package typealias Refusal = PostRefusal

    package static let category = "post"

    /// How far ahead a post may be scheduled: five years.
    package static let longestSchedule = Duration.seconds(5 * 366 * 86_400)

    package static func decide(_ command: PostCommand, in state: PostState) throws(PostRefusal) -> [PostEvent] {
        switch command {
        case .draft(let author, let title, let slug, let content, let publish):
            guard case .nonexistent = state else { throw .alreadyDrafted }
            let drafted = PostEvent.drafted(author: author, title: title.stored, slug: slug.stored, content: content.stored)
            return publish ? [drafted, .published(publishedAt: nil)] : [drafted]
        case .edit(let actor, let edit):
            return edit.events(for: try state.opened(to: actor))
        case .publish(let actor, let time):
            let post = try state.opened(to: actor)
            guard case .published(_, let present) = state else { return post.unscheduling + [.published(publishedAt: time)] }
            return time == nil || time == present ? [] : [.published(publishedAt: time)]
        case .unpublish(let actor):
            _ = try state.opened(to: actor)
            return state.isPublished ? [.unpublished] : []
        case .delete(let actor):
            return try state.opened(to: actor).unscheduling + [.deleted]
        case .schedule(let actor, let time):
            let post = try state.opened(to: actor)
            guard !state.isPublished else { throw .published }
            return post.scheduledAt == time ? [] : [.scheduled(author: post.author, at: time)]
        case .unschedule(let actor):
            guard try state.opened(to: actor).scheduledAt != nil else { throw .notScheduled }
            return [.unscheduled]
        case .publishAsScheduled(let time):
            guard state.post?.scheduledAt == time else { throw .notScheduled }
            return [.published(publishedAt: time)]
        case .giveUpSchedule(let time): return state.post?.scheduledAt == time ? [.unscheduled] : []
        }
    }

    package static func claims(for events: [PostEvent], in state: PostState, on stream: StreamName) -> [ClaimChange] {
        events.flatMap { event -> [ClaimChange] in
            switch event {
            case .drafted(_, _, let slug, _): take(slug)
            case .edited(_, let slug, _): take(slug)
            case .published, .unpublished, .scheduled, .unscheduled: []
            case .deleted: [.release(.slug)]
            }
        }
    }

    /// The author, whoever acts: what an admin edits is still the author's text, and is forgotten with the author.
    package static func subject(of events: [PostEvent], in state: PostState, on stream: StreamName) -> UUID? {
        fold(events, from: state).author
    }

    private static func take(_ slug: Personal<String>?) -> [ClaimChange] {
        slug?.value.map { [.take(.slug, value: $0)] } ?? []
    }
}

/// A command on a post.
package enum PostCommand: Sendable, Hashable {
    /// Writes a new post, and publishes it at once if so wished.
    case draft(author: UUID, title: Title, slug: Slug, content: Content, publish: Bool)
    case edit(by: Actor, PostEdit)
    /// Publishes at the moment of recording, or at the past time named, as an import does. Another time moves a post that is published.
    case publish(by: Actor, at: Timestamp?)
    case unpublish(by: Actor)
    case delete(by: Actor)
    case schedule(by: Actor, at: Timestamp)
    case unschedule(by: Actor)
    /// Publishes a post that is still scheduled for that time.
    case publishAsScheduled(at: Timestamp)
    /// Takes the schedule for that time back, if there still is one: its author may not publish any more.
    case giveUpSchedule(at: Timestamp)
}

/// The parts of a post that an edit may change; nil leaves a part as it is.
package struct PostEdit: Sendable, Hashable {
    package var title: Title?
    package var slug: Slug?
    package var content: Content?

    package init(title: Title? = nil, slug: Slug? = nil, content: Content? = nil) {
        self.title = title
        self.slug = slug
        self.content = content
    }

    fileprivate func events(for post: Post) -> [PostEvent] {
        let title = title?.change(of: post.title)
        let slug = slug?.change(of: post.slug)
        let content = content?.change(of: post.content)
        return title == nil && slug == nil && content == nil ? [] : [.edited(title: title, slug: slug, content: content)]
    }
}

/// Why the rules refuse a command on a post.
package enum PostRefusal: Error, Hashable {
    /// There never was such a post.
    case notFound
    /// There is or was one, and the actor may not know: another's draft, or another's post that was deleted.
    case notVisible
    /// There is a post under this id already.
    case alreadyDrafted
    /// It is published for all to see, but only its author and admins may command it.
    case notAuthor
    /// It was deleted, for good.
    case deleted
    /// It is published already.
    case published
    /// It is not scheduled, or not for that time.
    case notScheduled
}

extension Post {
    /// The end of its schedule, which an act of its author's or an admin's comes before.
    fileprivate var unscheduling: [PostEvent] { scheduledAt == nil ? [] : [.unscheduled] }
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

extension ClaimKind {
    /// The name of a post in its address.
    package static let slug = ClaimKind(rawValue: "slug")
}
