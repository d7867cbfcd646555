/// A place outside that events are sent on to.
package protocol EventSink: Sendable {
    /// A short name for logs and metrics: `redis`.
    var name: String { get }

    /// How many events it takes at a time, at most.
    var batchSize: Int { get }

    /// The event that it has last.
    func end() async throws -> SinkEnd

    /// Takes events in the order of their positions, and returns when it has them. Those that it has already are passed over, or told apart by their
    /// ids. Throws `SinkMoved` when it does not end where it should, and `SinkLimit` when one of them is too large for it.
    /// - Parameter last: the event before them; nil where the sink has none, or can't tell.
    func take(_ events: [OutgoingEvent], after last: OutgoingEvent.Place?) async throws
}

/// The answer of a sink that is asked for its last event.
package enum SinkEnd: Sendable, Equatable {
    /// It has every event up to this position, from where it began. Its last one has this id, as far as it can tell.
    case position(Int64, event: String?)
    /// It has none.
    case empty
    /// It can't tell; the checkpoint says what it has confirmed.
    case untold
}

/// A sink does not end with the event that it was sent last: it was emptied, or restored.
package struct SinkMoved: Error, CustomStringConvertible {
    package init() {}

    package var description: String { "the sink does not end with the event that it was sent last" }
}

/// A sink takes no event that has more bytes as JSON.
package struct SinkLimit: Error {
    package let bytes: Int
}

/// Where a sink that has nothing begins.
package enum SinkStart: String, Sendable, CaseIterable {
    case beginning, end
}
