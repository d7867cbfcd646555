package import EventSourcing
package import FoundationEssentials
import JSON
import Synchronization

/// An event log in memory, for tests and for trying things: nothing survives the process, and nothing personal is sealed. It keeps every promise of
/// `EventStore` else.
package final class InMemoryEventStore: EventStore {
    private let contents = Mutex(Contents())
    private let reached = Watermark()
    private let clock: @Sendable () -> Timestamp

    /// An empty log that dates events by this clock.
    package init(clock: @escaping @Sendable () -> Timestamp = { .now }) {
        self.clock = clock
    }

    package func append(_ request: AppendRequest) async throws -> AppendOutcome {
        try contents.withLock { contents in
            defer { reached.advance(to: contents.head) }
            return try contents.append(request, at: clock())
        }
    }

    package func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        contents.withLock { contents in
            let rest = contents.streams[stream, default: []].dropFirst(version)
            let events = rest.prefix(limit).map { contents.events[$0] }.prefix(bytes: PageBytes.load)
            return LoadedStream(
                events: events, receipt: command.flatMap { contents.receipts[$0] }, isLast: events.count == rest.count && events.count < limit)
        }
    }

    package func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] {
        contents.withLock { $0.events(of: part, limit: limit).prefix(bytes: part.bytes) }
    }

    package func read(_ part: LogRead, limit: Int) async throws -> LogPage {
        contents.withLock { contents in
            let events = contents.events(of: part, limit: limit)
            let page = events.prefix(bytes: PageBytes.usual)
            return LogPage(page, of: part, limit: page.count < events.count ? page.count : limit, head: contents.head)
        }
    }

    package func holder(of kind: ClaimKind, value: String) async throws -> StreamName? {
        contents.withLock { $0.claims.holder(of: kind, value: value) }
    }

    package func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] {
        contents.withLock { Array($0.events.dropFirst(Int(position)).prefix(limit)).prefix(bytes: PageBytes.usual) }
    }

    package func head() async throws -> Int64 {
        contents.withLock { $0.head }
    }

    package func waitForEvents(after position: Int64) async throws {
        try await reached.wait(for: position + 1)
    }
}

/// All that the log knows; each operation is whole or not at all.
private struct Contents {
    var events: [RecordedEvent] = []
    /// Where each stream's events are among `events`, in version order.
    var streams: [StreamName: [Int]] = [:]
    var receipts: [UUID: CommandReceipt] = [:]
    var claims = ClaimTable()

    var head: Int64 { Int64(events.count) }

    func events(of part: StreamRead, limit: Int) -> [RecordedEvent] {
        let there = streams[part.stream, default: []].map { events[$0] }
        let wanted = there.prefix { event in part.until.map { event.recordedAt <= $0 } ?? true }.filter(part.matches)
        return switch part.direction {
        case .forwards: Array(wanted.prefix(limit))
        case .backwards: Array(wanted.reversed().prefix(limit))
        }
    }

    func events(of part: LogRead, limit: Int) -> [RecordedEvent] {
        let wanted = events.filter { part.positions.contains($0.position) && part.filter.matches($0) }
        return switch part.direction {
        case .forwards: Array(wanted.prefix(limit))
        case .backwards: Array(wanted.reversed().prefix(limit))
        }
    }

    mutating func append(_ request: AppendRequest, at time: Timestamp) throws(EventStoreError) -> AppendOutcome {
        try request.validate()
        if let receipt = receipts[request.command.id] { return .alreadyAppended(receipt) }
        let subject = request.appends[0].stream
        if let refusal = refusal(of: request, for: subject) { return refusal }

        let recordedAt = max(time, events.last?.recordedAt ?? time)
        let firstPosition = head + 1
        for append in request.appends {
            for event in append.events { record(event, in: append.stream, metadata: request.metadata, at: recordedAt) }
        }
        claims.apply(request.claims, for: subject)
        let hasAppended = head >= firstPosition
        let receipt = CommandReceipt(
            key: request.command, stream: subject, version: streams[subject, default: []].count, firstPosition: hasAppended ? firstPosition : nil,
            lastPosition: hasAppended ? head : streams[subject]?.last.map { events[$0].position } ?? 0, recordedAt: recordedAt)
        // As the log does, keeps none for a command that its events tell of.
        let first = request.appends[0]
        if !request.command.digest.isEmpty || first.events.isEmpty || first.expected == .any { receipts[request.command.id] = receipt }
        return .appended(receipt)
    }

    private func refusal(of request: AppendRequest, for subject: StreamName) -> AppendOutcome? {
        for append in request.appends {
            let version = streams[append.stream, default: []].count
            guard append.expected.allows(version) else { return .conflict(stream: append.stream, actual: version) }
        }
        return claims.refusal(of: request.claims, for: subject)
    }

    private mutating func record(_ event: NewEvent, in stream: StreamName, metadata: EventMetadata, at time: Timestamp) {
        let version = streams[stream, default: []].count + 1
        streams[stream, default: []].append(events.count)
        events.append(
            RecordedEvent(
                position: head + 1, stream: stream, version: version, id: .v7(at: time), type: event.type, schemaVersion: event.schemaVersion,
                data: event.data, metadata: metadata, recordedAt: time))
    }
}

extension [RecordedEvent] {
    /// As many as make a page of so many bytes, and at least one. Counts the bytes of texts.
    fileprivate func prefix(bytes: Int) -> [RecordedEvent] {
        var size = 0
        return Array(
            prefix { event in
                defer { size += event.data.list.reduce(0) { $0 + ($1.value.text?.utf8.count ?? 0) } }
                return size < bytes
            })
    }
}
