import EventSourcing
import Postgres

/// One event that its read model could not take. Says where and which rule, never what the row held.
struct EventFailure: Error, Equatable, CustomStringConvertible {
    let position: Int64
    let stream: StreamName
    let type: String
    /// Nil when the event's data could not be bound.
    let sqlState: SQLState?
    let constraint: String?
    /// Whether a field could not be read because the vault lacks its person's key.
    let lacksKey: Bool

    init(_ event: RecordedEvent, _ error: PostgresError?) {
        position = event.position
        stream = event.stream
        type = event.type
        sqlState = error?.sqlState
        constraint = error?.constraint
        lacksKey = error == nil && !event.unopened.isEmpty
    }

    /// `6, a PostViewed of views-…: 23514 few_views`
    var description: String { "\(position), a \(type) of \(stream): \(reason)" }

    /// `23514 few_views`
    var reason: String {
        if let sqlState { return [sqlState.rawValue, constraint].compactMap(\.self).joined(separator: " ") }
        return lacksKey ? "the vault has no key for its personal data" : "its data can't be read"
    }
}

extension PostgresError {
    /// Whether the event is at fault rather than the database: bad data (class 22) or a violated constraint (class 23).
    var isFaultOfEvent: Bool { sqlState.map { ["22", "23"].contains($0.classCode) } ?? false }
}
