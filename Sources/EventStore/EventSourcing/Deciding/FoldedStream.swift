import FoundationEssentials

/// A stream as a fold of its events.
package struct FoldedStream<Rules: StreamRules>: Sendable {
    package private(set) var state: Rules.State = Rules.initialState
    /// 0 for a stream that does not exist.
    package private(set) var version = 0
    /// The position of its last event; 0 for a stream that does not exist.
    package private(set) var position: Int64 = 0
    /// When its first event was recorded.
    package private(set) var createdAt: Timestamp?
    /// When its last event was recorded.
    package private(set) var updatedAt: Timestamp?
    /// The id of the last event that was read; nil when none was, or when others have followed it since.
    private(set) var lastEvent: UUID?
    /// Whether something in it could not be opened. A command that writes no text may be decided on it all the same.
    package private(set) var isUnopened = false

    package init(_ events: [RecordedEvent] = []) throws(EventDecodingError) { try fold(events) }

    /// The expectation of an append to it.
    package var expectation: ExpectedVersion { version == 0 ? .none : .exactly(version) }

    /// Takes in the events that follow.
    package mutating func fold(_ events: some Sequence<RecordedEvent>) throws(EventDecodingError) {
        for event in events {
            Rules.evolve(&state, with: try Rules.decode(event))
            version = event.version
            position = event.position
            createdAt = createdAt ?? event.recordedAt
            updatedAt = event.recordedAt
            lastEvent = event.id
            if event.unopened != nil { isUnopened = true }
        }
    }

    /// The events of a page that are new to this fold, when the page was read from its last event on. Nil when that event is not there: the log is
    /// another one than before.
    func news(in page: [RecordedEvent]) -> ArraySlice<RecordedEvent>? {
        guard version > 0 else { return page[...] }
        guard let first = page.first, first.id == lastEvent, first.version == version else { return nil }
        return page.dropFirst()
    }

    /// This stream after events that the log has just taken.
    func followed(by events: [Rules.Event], as receipt: CommandReceipt) -> FoldedStream {
        var next = self
        next.state = Rules.fold(events, from: state)
        next.version = receipt.version
        next.position = receipt.lastPosition
        if !events.isEmpty {
            next.createdAt = createdAt ?? receipt.recordedAt
            next.updatedAt = receipt.recordedAt
            // The log gave these events their ids, and did not say which.
            next.lastEvent = nil
        }
        return next
    }
}
