package import EventSourcing
package import FoundationEssentials

/// A post at one moment.
package enum PostState: Sendable, Hashable {
    case nonexistent
    case draft(Post)
    /// The time is business time; nil means when its last `PostPublished` was recorded.
    case published(Post, publishedAt: Timestamp?)
    /// Nothing follows. Its author may still see its history.
    case deleted(author: UUID)

    /// The post while there is one to read.
    package var post: Post? {
        switch self {
        case .draft(let post), .published(let post, _): post
        case .nonexistent, .deleted: nil
        }
    }

    /// Its author, for as long as that is known.
    package var author: UUID? {
        switch self {
        case .draft(let post), .published(let post, _): post.author
        case .deleted(let author): author
        case .nonexistent: nil
        }
    }

    package var isPublished: Bool {
        if case .published = self { true } else { false }
    }
}

/// The content of a post.
package struct Post: Sendable, Hashable {
    package let author: UUID
    package var title: Personal<String>
    package var slug: Personal<String>
    package var content: Personal<String>
    /// When it is to be published by itself; nil for a post that is not, or that is published.
    package var scheduledAt: Timestamp?
}

extension PostRules {
    package static var initialState: PostState { .nonexistent }

    package static func footprint(of state: PostState) -> Int {
        MemoryLayout<PostState>.size + (state.post.map { $0.title.byteCount + $0.slug.byteCount + $0.content.byteCount } ?? 0)
    }

    package static func evolve(_ state: inout PostState, with event: PostEvent) {
        switch event {
        case .drafted(let author, let title, let slug, let content):
            state = .draft(Post(author: author, title: title, slug: slug, content: content))
        case .edited(let title, let slug, let content):
            state.changePost {
                if let title { $0.title = title }
                if let slug { $0.slug = slug }
                if let content { $0.content = content }
            }
        case .published(let publishedAt):
            if var post = state.post {
                post.scheduledAt = nil
                state = .published(post, publishedAt: publishedAt)
            }
        case .unpublished: if let post = state.post { state = .draft(post) }
        case .scheduled(_, let time): state.changePost { $0.scheduledAt = time }
        case .unscheduled: state.changePost { $0.scheduledAt = nil }
        case .deleted: if let author = state.author { state = .deleted(author: author) }
        }
    }
}

extension PostState {
    fileprivate mutating func changePost(_ change: (inout Post) -> Void) {
        switch self {
        case .draft(var post):
            change(&post)
            self = .draft(post)
        case .published(var post, let publishedAt):
            change(&post)
            self = .published(post, publishedAt: publishedAt)
        case .nonexistent, .deleted: break
        }
    }
}
