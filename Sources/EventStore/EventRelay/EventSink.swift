package import EventSourcing

/// A place outside that events are sent on to.
package protocol EventSink: Sendable {
    /// A short name for logs and metrics: `redis`.
    var name: String { get }

    /// The position of the last event that the sink has; nil for a sink that has none.
    func lastPosition() async throws -> Int64?

    /// Takes events in the order of their positions, and returns when it has them. Events that it has already are passed over. Throws
    /// `SinkMoved` when it does not end where it should.
    /// - Parameter last: the event before them; nil where the sink has none.
    func take(_ events: [OutgoingEvent], after last: OutgoingEvent.Place?) async throws
}

/// An event as it leaves the system.
package struct OutgoingEvent: Sendable {
    /// Where an event stands: its position, and the category that it is sent under.
    package struct Place: Sendable, Equatable {
        package let position: Int64
        package let category: String
    }

    package let place: Place
    /// The CloudEvent in JSON.
    package let json: String
}

/// A sink does not end with the event that it was sent last: it was emptied, or restored.
package struct SinkMoved: Error {}

/// Where a sink that has nothing begins.
package enum SinkStart: String, Sendable, CaseIterable {
    case beginning, end
}
