package import EventSourcing
package import FoundationEssentials

extension ClaimKind {
    /// The name of a post in its address.
    package static let slug = ClaimKind(rawValue: "slug")
}

extension PostRules {
    package static func claims(for events: [PostEvent], in state: PostState, on stream: StreamName) -> [ClaimChange] {
        events.flatMap { event -> [ClaimChange] in
            switch event {
            case .drafted(_, _, let slug, _): take(slug)
            case .edited(_, let slug, _): take(slug)
            case .published, .unpublished: []
            case .deleted: [.release(.slug)]
            }
        }
    }

    /// The author, whoever wrote the events: what an admin edits is still the author's text, and is forgotten with the author.
    package static func subject(of events: [PostEvent], in state: PostState, on stream: StreamName) -> UUID? {
        fold(events, from: state).author
    }

    private static func take(_ slug: Personal<String>?) -> [ClaimChange] {
        slug?.value.map { [.take(.slug, value: $0)] } ?? []
    }
}
