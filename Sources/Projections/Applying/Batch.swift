import EventSourcing
import Postgres

/// The statements that apply some events to one build, for one transaction. Pure.
///
/// An event of a parked stream waits behind the one at fault. One that erases a person or a post does not wait: what is erased must not stay visible because of a fault.
struct Batch {
    /// Event types that apply even to a parked stream, and make the rest of it pointless.
    private static let erasing = EventSchema.erasing

    private(set) var queries: [Query] = []
    /// Streams that are not parked any more once this is committed.
    private(set) var closed: Set<StreamName> = []
    private var events: [RecordedEvent?] = []
    private var waiting: [RecordedEvent] = []
    private let build: Build

    /// - Parameter first: the query in front of all others, usually that of the checkpoint.
    /// - Throws: `EventFailure` when an event's data is not what its type says.
    init(_ applied: some Collection<RecordedEvent>, to build: Build, parked: ParkedStreams, first: Query? = nil) throws(EventFailure) {
        self.build = build
        queries.reserveCapacity(applied.count + 2)
        if let first { add(first) }
        for event in applied {
            guard let statement = build.model.statements[event.type], !parked.leavesOut(event) else { continue }
            let isParked = parked.contains(event.stream) && !closed.contains(event.stream)
            if isParked, !Self.erasing.contains(event.type) {
                waiting.append(event)
                continue
            }
            do {
                add(try statement.query(for: event), of: event)
            } catch {
                throw EventFailure(event, nil)
            }
            if isParked { close(event.stream) }
        }
        if !waiting.isEmpty { add(.parkBehind(waiting, of: build.number)) }
    }

    /// Whose failure an error is; nil when it is not an event's, or can not be told.
    func failure(_ error: PostgresError) -> EventFailure? {
        guard error.isFaultOfEvent else { return nil }
        let culprit = error.failedQuery.flatMap { events.indices.contains($0) ? events[$0] : nil }
        // A deferred constraint speaks up at the commit, with no statement to its name.
        let applied = events.compactMap(\.self)
        return (culprit ?? (applied.count == 1 ? applied[0] : nil)).map { EventFailure($0, error) }
    }

    private mutating func add(_ query: Query, of event: RecordedEvent? = nil) {
        queries.append(query)
        events.append(event)
    }

    private mutating func close(_ stream: StreamName) {
        // Those of this batch first, so that they are among what is discarded.
        let own = waiting.filter { $0.stream == stream }
        if !own.isEmpty { add(.parkBehind(own, of: build.number)) }
        waiting.removeAll { $0.stream == stream }
        add(Query(.discardStream, [.int8(build.number), .text(stream.description)]))
        closed.insert(stream)
    }
}

extension Query {
    /// Queues events behind the one at fault of their stream.
    fileprivate static func parkBehind(_ events: [RecordedEvent], of build: Int64) -> Query {
        Query(
            .parkBehind,
            [
                .int8(build), .int8s(events.map(\.position)), .texts(events.map(\.stream.description)), .uuids(events.map(\.stream.id)),
                .texts(events.map(\.type)),
            ])
    }

    /// Parks the stream of an event at fault.
    static func park(_ failure: EventFailure, of build: Int64) -> Query {
        Query(
            .parkStream,
            [
                .int8(build), .int8(failure.position), .text(failure.stream.description), .uuid(failure.stream.id), .text(failure.type),
                .text(optional: failure.sqlState?.rawValue), .text(optional: failure.constraint),
            ])
    }
}

extension Statement {
    fileprivate static let parkStream = Statement("park_stream", "SELECT annals.park_stream($1, $2, $3, $4, $5, $6, $7)")
    fileprivate static let parkBehind = Statement("park_behind", "SELECT annals.park_behind($1, $2, $3, $4, $5)")
    fileprivate static let discardStream = Statement("discard_stream", "SELECT annals.discard_stream($1, $2)")
}
