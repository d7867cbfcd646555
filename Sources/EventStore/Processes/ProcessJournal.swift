package import EventSourcing
package import FoundationEssentials

/// Where the streams of processes are kept.
package protocol ProcessJournal: Sendable {
    func load(_ process: UUID) async throws -> [RecordedEvent]

    /// Appends to a stream at this version (0: there is none). False when it is at another one.
    func append(_ events: [ProcessEvent], to process: UUID, after version: Int, cause: ProcessCause) async throws -> Bool
}

/// Why an event of a process is recorded.
package struct ProcessCause: Sendable, Hashable {
    /// The event that led to it, and the request that all of it belongs to.
    package var event: UUID?
    package var correlation: String?

    package init(event: UUID? = nil, correlation: String? = nil) {
        self.event = event
        self.correlation = correlation
    }
}

/// The streams of processes in a log that may be appended to.
package struct LogJournal: ProcessJournal {
    private let log: any EventStore

    package init(_ log: any EventStore) { self.log = log }

    package func load(_ process: UUID) async throws -> [RecordedEvent] {
        try await log.load(StreamName(ProcessEvent.category, process)).events
    }

    package func append(_ events: [ProcessEvent], to process: UUID, after version: Int, cause: ProcessCause) async throws -> Bool {
        let append = StreamAppend(
            events.map(\.encoded), to: StreamName(ProcessEvent.category, process), expecting: version == 0 ? .none : .exactly(version),
            sealedFor: nil)
        let key = CommandReceipt.Key.unrepeated()
        let metadata = EventMetadata(command: key.id, correlation: cause.correlation, causation: cause.event)
        switch try await log.append(AppendRequest([append], claims: [], command: key, metadata: metadata)) {
        case .appended, .alreadyAppended: return true
        case .conflict, .claimTaken, .claimMissing: return false
        }
    }
}
