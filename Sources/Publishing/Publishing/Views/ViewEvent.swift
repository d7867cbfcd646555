package import EventSourcing
import JSON

/// The events of a post's views. Their stream has the post's id.
package enum ViewEvent: Sendable, Hashable {
    /// The post was viewed this often. Recorded for a call with a key of its own, whose repeat must find it; other views go by `ViewWindowEvent`.
    case viewed(count: Int64)
}

extension ViewRules {
    package static let schemas = [EventSchema("PostViewed", in: category, [.open("count", .integer)])]

    package static func encode(_ event: ViewEvent) -> NewEvent {
        switch event {
        case .viewed(let count): NewEvent(type: "PostViewed", schemaVersion: 1, data: ["count": .integer(count)])
        }
    }

    package static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> ViewEvent {
        let fields = try EventFields(event, in: schemas)
        switch event.type {
        case "PostViewed": return .viewed(count: try fields.integer("count"))
        default: throw EventDecodingError(event, reason: "not in the category \(category)")
        }
    }
}
