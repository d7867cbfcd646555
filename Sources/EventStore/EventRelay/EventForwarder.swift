import CoreMetrics
package import EventSourcing
import FoundationEssentials
package import Logging
package import Postgres
package import Subscribers
import Synchronization

/// Sends every event of the log on to one sink, in order: an ordinary subscriber with a checkpoint. It goes on where the sink ends, or from the
/// checkpoint where a sink can't tell that. The checkpoint moves over events that the sink has confirmed, so no crash and no setting can skip one.
package struct EventForwarder: Sendable {
    /// Larger events are not sent.
    package static let maximumBytes = 1 << 20
    private static let lagInterval = Duration.seconds(5)

    private let sink: any EventSink
    private let log: any EventStore
    private let catalog: EventCatalog
    private let start: SinkStart
    private let pool: ConnectionPool
    private let maximumBytes: Int
    private let subscriber: LeasedSubscriber
    private let logger: Logger
    private let reached = SinkPosition()
    private let lag: Gauge
    private let sent, refused: Counter

    /// - Parameters:
    ///   - log: the log in the form in which events leave: sealed, or opened.
    ///   - start: where a sink without events begins.
    ///   - pool: the log's database as the relay.
    package init(
        to sink: any EventSink, log: any EventStore, catalog: EventCatalog, start: SinkStart, pool: ConnectionPool,
        maximumBytes: Int = Self.maximumBytes, logger: Logger
    ) {
        self.sink = sink
        self.log = log
        self.catalog = catalog
        self.start = start
        self.pool = pool
        self.maximumBytes = maximumBytes
        self.logger = logger
        subscriber = LeasedSubscriber("sink-\(sink.name)", pool, logger: logger)
        lag = Gauge(label: "annals_relay_lag", dimensions: [("sink", sink.name)])
        sent = Counter(label: "annals_relay_events_total", dimensions: [("sink", sink.name)])
        refused = Counter(label: "annals_relay_refused_total", dimensions: [("sink", sink.name)])
    }

    package var status: LeasedSubscriber.Status { subscriber.status }

    /// Runs until cancelled. While the sink is away it tries again.
    package func run() async throws {
        try await subscriber.run { lease in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await forward(under: lease) }
                group.addTask { try await measure() }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    /// Gives the lease back after `run` has ended.
    package func release() async { await subscriber.release() }

    /// Says how far the sink is behind, also while it takes nothing.
    private func measure() async throws {
        while true {
            try await Task.sleep(for: Self.lagInterval)
            recordLag(head: try await log.head())
        }
    }

    private func recordLag(head: Int64) { lag.record(max(0, head - reached.value)) }

    private func forward(under lease: SubscriberLease) async throws {
        do {
            let head = try await log.head()
            reached.value = lease.checkpoint.position
            recordLag(head: head)
            let place = try await startPlace(lease, head: head)
            reached.value = place.position
            var last = place.last
            for try await page in log.subscribe(after: place.position, lastEvent: place.event) {
                var refused: [OutgoingEvent] = []
                for batch in page.inChunks(of: sink.batchSize) { last = try await send(batch, after: last, &refused) ?? last }
                guard let end = page.last else { continue }
                // After all sends, so that a sink that is away for long does not have them told with each try; and before the checkpoint has passed
                // them, so that each is told.
                for event in refused { tellRefused(event) }
                try await advance(lease, to: end)
                reached.value = end.position
                recordLag(head: try await log.head())
            }
            try Task.checkCancellation()
        } catch EventStoreError.rewritten(let position) {
            throw SubscriberStop("\(sink.name) has an event at position \(position) that the log does not have: it is another log, or was restored")
        }
    }

    /// Returns the place of the last event that was sent; nil when all are too large.
    private func send(
        _ batch: ArraySlice<RecordedEvent>, after last: OutgoingEvent.Place?, _ refused: inout [OutgoingEvent]
    ) async throws -> OutgoingEvent.Place? {
        var outgoing = batch.map { OutgoingEvent($0, catalog: catalog) }
        refused += outgoing.removeLarger(than: maximumBytes)
        guard !outgoing.isEmpty else { return nil }
        do {
            try await sink.take(outgoing, after: last)
        } catch let limit as SinkLimit {
            refused += outgoing.removeLarger(than: limit.bytes)
            if !outgoing.isEmpty { try await sink.take(outgoing, after: last) }
        }
        sent.increment(by: outgoing.count)
        return outgoing.last?.place
    }

    private func tellRefused(_ event: OutgoingEvent) {
        refused.increment()
        logger.error(
            "an event is too large to be sent on, and is left out",
            metadata: [
                "sink": "\(sink.name)", "position": "\(event.place.position)", "type": "\(event.type)", "id": "\(event.id)",
                "bytes": "\(event.json.utf8.count)",
            ])
    }

    /// A sink that was emptied is behind its checkpoint and gets the events again.
    private func advance(_ lease: SubscriberLease, to event: RecordedEvent) async throws {
        let query = event.position > lease.checkpoint.position ? lease.advance(to: event) : lease.hold
        try await pool.query(query.statement, query.values)
        if event.position > lease.checkpoint.position { lease.moved(to: event) }
    }
}

/// How far the sink has come.
private final class SinkPosition: Sendable {
    private let position = Mutex<Int64>(0)

    var value: Int64 {
        get { position.withLock { $0 } }
        set { position.withLock { $0 = newValue } }
    }
}

/// Where to go on: after a position, the event there as far as that is known from the checkpoint, and the place that the sink ends with.
private struct StartPlace {
    var position: Int64
    var event: UUID?
    var last: OutgoingEvent.Place?
}

extension EventForwarder {
    private func startPlace(_ lease: SubscriberLease, head: Int64) async throws -> StartPlace {
        let known = lease.checkpoint
        switch try await sink.end() {
        case .position(let position):
            guard position <= head else {
                throw SubscriberStop(
                    "\(sink.name) has events up to position \(position), and the log ends at \(head): it is another log, or was restored")
            }
            if position < known.position { logger.warning("a sink has lost events, and gets them again", metadata: place(position, known.position)) }
            let event = position > 0 ? try await log.read(after: position - 1, limit: 1).first : nil
            return StartPlace(position: position, last: event.map(OutgoingEvent.Place.init))
        case .untold where lease.hasBegun: return StartPlace(position: known.position, event: known.event)
        case .empty where lease.hasBegun:
            // Nothing that was never sent is skipped, whatever the setting says.
            let begin = start == .beginning ? StartPlace(position: 0) : StartPlace(position: known.position, event: known.event)
            if known.position > 0 { logger.warning("a sink is empty; it begins again", metadata: place(begin.position, known.position)) }
            return begin
        case .untold, .empty: return StartPlace(position: try await begin(lease, head))
        }
    }

    /// Settles where a sink begins that has never had anything. Else it would begin later if it was stopped before the first event.
    private func begin(_ lease: SubscriberLease, _ head: Int64) async throws -> Int64 {
        if start == .end, head > 0, let event = try await log.read(after: head - 1, limit: 1).first {
            try await advance(lease, to: event)
            return head
        }
        try await pool.query(lease.begin.statement, lease.begin.values)
        return 0
    }

    private func place(_ position: Int64, _ known: Int64) -> Logger.Metadata {
        ["sink": "\(sink.name)", "after": "\(position)", "known": "\(known)"]
    }
}

extension Array {
    fileprivate func inChunks(of size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
