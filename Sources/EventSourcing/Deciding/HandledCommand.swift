/// A stream as a fold of its events.
package struct FoldedStream<Rules: Decider>: Sendable {
    package private(set) var state: Rules.State = Rules.initialState
    /// 0 for a stream that does not exist.
    package private(set) var version = 0
    /// The position of its last event; 0 for a stream that does not exist.
    package private(set) var position: Int64 = 0
    /// When its first event was recorded.
    package private(set) var createdAt: Timestamp?
    /// When its last event was recorded.
    package private(set) var updatedAt: Timestamp?

    package init(_ events: [RecordedEvent]) throws(EventDecodingError) {
        for event in events {
            Rules.evolve(&state, with: try Rules.decode(event))
            version = event.version
            position = event.position
            createdAt = createdAt ?? event.recordedAt
            updatedAt = event.recordedAt
        }
    }

    /// What an append to it expects.
    package var expectation: ExpectedVersion { version == 0 ? .none : .exactly(version) }

    /// This stream after events that the log has just taken.
    func followed(by events: [Rules.Event], as receipt: CommandReceipt) -> FoldedStream {
        var next = self
        next.state = Rules.fold(events, from: state)
        next.version = receipt.version
        next.position = receipt.lastPosition
        if !events.isEmpty {
            next.createdAt = createdAt ?? receipt.recordedAt
            next.updatedAt = receipt.recordedAt
        }
        return next
    }
}

/// A command that went through: what its answer is made from.
package struct HandledCommand<Rules: Decider>: Sendable {
    package let stream: StreamName
    package let state: Rules.State
    /// The stream's version after the command.
    package let version: Int
    /// The position of the command's last event, or of the stream's last event when the command changed nothing.
    package let position: Int64
    package let createdAt: Timestamp?
    package let updatedAt: Timestamp?
    /// Whether this is the first answer of a command, given again.
    package let isReplay: Bool

    init(stream: StreamName, after folded: FoldedStream<Rules>, position: Int64? = nil, isReplay: Bool = false) {
        self.stream = stream
        state = folded.state
        version = folded.version
        self.position = position ?? folded.position
        createdAt = folded.createdAt
        updatedAt = folded.updatedAt
        self.isReplay = isReplay
    }
}
