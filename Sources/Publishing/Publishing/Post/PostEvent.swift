package import EventSourcing
package import FoundationEssentials
import JSON

/// The events of a post.
package enum PostEvent: Sendable, Hashable {
    case drafted(author: UUID, title: Personal<String>, slug: Personal<String>, content: Personal<String>)
    /// Only what changed is there.
    case edited(title: Personal<String>?, slug: Personal<String>?, content: Personal<String>?)
    /// The time is the author's where one was named; nil means when the event was recorded.
    case published(publishedAt: Timestamp?)
    case unpublished
    /// It is to be published then. Again replaces the time.
    case scheduled(author: UUID, at: Timestamp)
    /// It is not to be published by itself any more.
    case unscheduled
    case deleted
}

extension PostRules {
    /// The event that begins a post, and its field that names the author: how an author's posts are found in the log.
    package static let authorship = (type: "PostDrafted", field: "author")

    /// The events that make a post public, and take that back.
    package static let publicationTypes: Set<String> = ["PostPublished", "PostUnpublished"]

    /// The fields that may hold long texts.
    package static let longFields: Set<String> = ["content"]

    /// The events that decide what a post is: the last that published it or took that back, that scheduled it or ended its schedule, its deletion,
    /// and the last that gave each part.
    package static let decisive = DecisiveEvents(
        types: [
            ["PostDrafted", "PostPublished", "PostUnpublished"], ["PostDrafted", "PostScheduled", "PostUnscheduled", "PostPublished"],
            ["PostDeleted"],
        ], fields: ["title", "slug", "content"])

    package static var loadedEvents: DecisiveEvents? { decisive }

    /// The same of who may see a post, whatever it says.
    package static let decisiveForAccess = DecisiveEvents(types: decisive.types)

    /// The stored form of every post event. Names and fields are pinned by golden files: the log keeps them for ever.
    package static let schemas = [
        EventSchema("PostDrafted", in: category, [.open("author", .id), .personal("title"), .personal("slug"), .personal("content")]),
        EventSchema("PostEdited", in: category, [.personal("title"), .personal("slug"), .personal("content")]),
        EventSchema("PostPublished", in: category, [.open("publishedAt", .timestamp)]),
        EventSchema("PostUnpublished", in: category, []),
        EventSchema("PostScheduled", in: category, [.open("author", .id), .open("at", .timestamp)]),
        EventSchema("PostUnscheduled", in: category, []),
        EventSchema("PostDeleted", in: category, erases: true, []),
    ]

    package static func encode(_ event: PostEvent) -> NewEvent {
        switch event {
        case .drafted(let author, let title, let slug, let content):
            NewEvent(
                type: "PostDrafted", schemaVersion: 1,
                data: ["author": .string(author.lowercased), "title": title.json, "slug": slug.json, "content": content.json])
        case .edited(let title, let slug, let content):
            NewEvent(type: "PostEdited", schemaVersion: 1, data: .present(["title": title?.json, "slug": slug?.json, "content": content?.json]))
        case .published(let publishedAt):
            NewEvent(type: "PostPublished", schemaVersion: 1, data: .present(["publishedAt": publishedAt.map { .string($0.description) }]))
        case .unpublished: NewEvent(type: "PostUnpublished", schemaVersion: 1, data: [:])
        case .scheduled(let author, let time):
            NewEvent(type: "PostScheduled", schemaVersion: 1, data: ["author": .string(author.lowercased), "at": .string(time.description)])
        case .unscheduled: NewEvent(type: "PostUnscheduled", schemaVersion: 1, data: [:])
        case .deleted: NewEvent(type: "PostDeleted", schemaVersion: 1, data: [:])
        }
    }

    package static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> PostEvent {
        let fields = try EventFields(event, in: schemas)
        switch event.type {
        case "PostDrafted":
            return .drafted(
                author: try fields.id("author"), title: try fields.personal("title"), slug: try fields.personal("slug"),
                content: try fields.personal("content"))
        case "PostEdited":
            return .edited(
                title: try fields.personalIfPresent("title"), slug: try fields.personalIfPresent("slug"),
                content: try fields.personalIfPresent("content"))
        case "PostPublished": return .published(publishedAt: try fields.timestampIfPresent("publishedAt"))
        case "PostUnpublished": return .unpublished
        case "PostScheduled": return .scheduled(author: try fields.id("author"), at: try fields.timestamp("at"))
        case "PostUnscheduled": return .unscheduled
        case "PostDeleted": return .deleted
        default: throw EventDecodingError(event, reason: "not in the category \(category)")
        }
    }
}
