package import EventSourcing
package import FoundationEssentials
import JSON

/// The rules of views that one query service has gathered for a moment, of any number of posts: one event for all of them, so that neither a hot
/// post nor ten thousand cold ones fill the log. Each run of a query service has a stream of its own.
package enum ViewWindowRules: StreamRules {
    package typealias Command = ViewWindowCommand
    package typealias Event = ViewWindowEvent
    /// All views of the stream.
    package typealias State = Int64
    package typealias Refusal = ViewRefusal

    package static let category = "viewwindow"

    package static var initialState: Int64 { 0 }

    package static func decide(_ command: ViewWindowCommand, in state: Int64) throws(ViewRefusal) -> [ViewWindowEvent] {
        switch command {
        case .record(let counts):
            for count in counts.values { guard 1...ViewRules.maximumCount ~= count else { throw .countOutOfRange } }
            return counts.isEmpty ? [] : [.viewed(counts)]
        }
    }

    package static func evolve(_ state: inout Int64, with event: ViewWindowEvent) {
        switch event {
        case .viewed(let counts): for count in counts.values { state = ViewRules.sum(state, count) }
        }
    }
}

/// The commands on a window of views.
package enum ViewWindowCommand: Sendable, Hashable {
    /// These posts were viewed so often.
    case record([UUID: Int64])
}

/// The events of windows of views.
package enum ViewWindowEvent: Sendable, Hashable {
    /// These posts were viewed so often within the window.
    case viewed([UUID: Int64])
}

extension ViewWindowRules {
    package static let schemas = [EventSchema("PostsViewed", in: category, [.open("counts", .counts)])]

    package static func encode(_ event: ViewWindowEvent) -> NewEvent {
        switch event {
        case .viewed(let counts):
            let members = counts.map { JSONObject.Member(name: $0.key.lowercased, value: .integer($0.value)) }.sorted { $0.name < $1.name }
            return NewEvent(type: "PostsViewed", schemaVersion: 1, data: ["counts": .object(JSONObject(members))])
        }
    }

    package static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> ViewWindowEvent {
        let fields = try EventFields(event, in: schemas)
        switch event.type {
        case "PostsViewed": return .viewed(try fields.counts("counts"))
        default: throw EventDecodingError(event, reason: "not in the category \(category)")
        }
    }
}
