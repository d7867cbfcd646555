import EventSourcing
import FoundationEssentials
import Postgres

/// The statements that apply some events to one build, for one transaction. Pure.
///
/// An event of a parked stream waits behind the one at fault. One that erases a person or a post does not wait: what is erased must not stay visible
/// because of a fault.
struct Batch {
    /// The part of a batch that is at fault.
    enum Fault: Error {
        case event(EventFailure)
        /// One of several, as in a set; fewer at a time tell which.
        case unclear
    }

    /// The reason why a query is in the batch.
    private enum Origin {
        case progress
        case event(RecordedEvent)
        case set
    }

    /// So many events are worth a set: below, planning and unnesting costs more than it saves.
    private static let smallestSet = 4

    private(set) var queries: [Query] = []
    /// The ids that nothing waits for any more once this is committed.
    private(set) var closed: Set<UUID> = []
    private var origins: [Origin] = []
    private var waiting: [RecordedEvent] = []
    private let build: Build

    /// - Parameters:
    ///   - first: the query in front of all others, usually that of the checkpoint.
    ///   - inGroups: whether events of one type go together, so that set forms can take them; otherwise all are applied one by one in the order of
    ///     the log.
    /// - Throws: a fault when an event's data is not what its type says.
    init(_ events: some Collection<RecordedEvent>, to build: Build, parked: ParkedStreams, first: Query? = nil, inGroups: Bool) throws(Fault) {
        self.build = build
        if let first { add(first, .progress) }
        let applied = takeApplied(events, parked)
        if inGroups {
            try add(grouped: applied)
        } else {
            queries.reserveCapacity(applied.count + 2)
            for event in applied { try add(event) }
        }
        for id in closed.sorted() { close(id) }
        if !waiting.isEmpty { add(.parkBehind(waiting, of: build.number), .progress) }
    }

    /// The fault behind an error; nil when no event is at fault.
    func fault(_ error: PostgresError) -> Fault? {
        guard error.isFaultOfEvent else { return nil }
        switch error.failedQuery.flatMap({ origins.indices.contains($0) ? origins[$0] : nil }) {
        case .set: return .unclear
        case .event(let event): return .event(EventFailure(event, error))
        case .progress, nil: break
        }
        // A deferred constraint speaks up at the commit, with no statement to its name.
        var only: RecordedEvent?
        for origin in origins {
            switch origin {
            case .progress: continue
            case .set: return .unclear
            case .event(let event):
                guard only == nil else { return .unclear }
                only = event
            }
        }
        return only.map { .event(EventFailure($0, error)) }
    }

    /// The events that the model has a statement for, without those that wait.
    private mutating func takeApplied(_ events: some Collection<RecordedEvent>, _ parked: ParkedStreams) -> [RecordedEvent] {
        var applied: [RecordedEvent] = []
        for event in events where build.model.statements[event.type] != nil && !parked.leavesOut(event) {
            if parked.contains(event.stream.id), !closed.contains(event.stream.id) {
                // An erasure applies even to a parked stream, and makes the rest of it pointless.
                guard build.model.erasing.contains(event.type) else {
                    waiting.append(event)
                    continue
                }
                closed.insert(event.stream.id)
            }
            applied.append(event)
        }
        return applied
    }

    private mutating func add(grouped events: [RecordedEvent]) throws(Fault) {
        let sets = build.model.sets
        var groups = EventGroups(isSerial: build.model.isSerial) { sets[$0]?.takesRepeats ?? true }
        for event in events { groups.add(event) }
        for group in groups.groups {
            if let set = sets[group.type], group.events.count >= Self.smallestSet {
                try add(group.events, to: set)
            } else {
                for event in group.events { try add(event) }
            }
        }
    }

    private mutating func add(_ events: [RecordedEvent], to set: SetStatement) throws(Fault) {
        do {
            add(try set.query(for: events), .set)
        } catch {
            throw .unclear
        }
    }

    private mutating func add(_ event: RecordedEvent) throws(Fault) {
        guard let statement = build.model.statements[event.type] else { return }
        do {
            add(try statement.query(for: event), .event(event))
        } catch {
            throw .event(EventFailure(event, nil))
        }
    }

    private mutating func add(_ query: Query, _ origin: Origin) {
        queries.append(query)
        origins.append(origin)
    }

    private mutating func close(_ id: UUID) {
        // Those of this batch first, so that they are among what is discarded.
        let own = waiting.filter { $0.stream.id == id }
        if !own.isEmpty { add(.parkBehind(own, of: build.number), .progress) }
        waiting.removeAll { $0.stream.id == id }
        add(Query(.discardWaiting, [.int8(build.number), .uuid(id)]), .progress)
    }
}

extension Query {
    /// Queues events behind the one at fault of their id.
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
                .text(optional: failure.sqlState?.rawValue), .text(optional: failure.cause),
            ])
    }
}

extension Statement {
    fileprivate static let parkStream = Statement("park_stream", "SELECT annals.park_stream($1, $2, $3, $4, $5, $6, $7)")
    fileprivate static let parkBehind = Statement("park_behind", "SELECT annals.park_behind($1, $2, $3, $4, $5)")
    fileprivate static let discardWaiting = Statement("discard_waiting", "SELECT annals.discard_waiting($1, $2)")
}
