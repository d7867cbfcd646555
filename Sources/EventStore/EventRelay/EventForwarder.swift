import Audit
import CoreMetrics
package import EventSourcing
import JSON
package import Logging
package import Postgres
package import Subscribers

/// Sends every event of the log on to one sink, in order: an ordinary subscriber with a checkpoint. What the sink has is told by the sink, so neither
/// a crash nor a change of settings can skip or double an event; the checkpoint says to operators how far it has come.
package struct EventForwarder: Sendable {
    /// Larger events are not sent.
    package static let maximumBytes = 1 << 20
    private static let batchSize = 100

    private let sink: any EventSink
    private let log: any EventStore
    private let catalog: EventCatalog
    private let start: SinkStart
    private let pool: ConnectionPool
    private let maximumBytes: Int
    private let subscriber: LeasedSubscriber
    private let logger: Logger
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
    package func run() async throws { try await subscriber.run { try await forward(under: $0) } }

    /// Gives the lease back after `run` has ended.
    package func release() async { await subscriber.release() }

    private func forward(under lease: SubscriberLease) async throws {
        let head = try await log.head()
        lag.record(max(0, head - lease.checkpoint.position))
        let (position, isSinks) = try await startPosition(head: head, known: lease.checkpoint.position)
        var last: OutgoingEvent.Place?
        // An empty sink does not end with the event before the one that it begins with.
        if isSinks, position > 0, let event = try await log.read(after: position - 1, limit: 1).first { last = place(of: event) }
        for try await page in log.subscribe(after: position, lastEvent: nil) {
            for batch in page.inChunks(of: Self.batchSize) {
                let outgoing = batch.compactMap(outgoing)
                if !outgoing.isEmpty { try await sink.take(outgoing, after: last) }
                last = outgoing.last?.place ?? last
                sent.increment(by: outgoing.count)
            }
            guard let end = page.last else { continue }
            try await advance(lease, to: end)
            lag.record(max(0, try await log.head() - end.position))
        }
        try Task.checkCancellation()
    }

    /// A sink that was emptied is behind its checkpoint and gets the events again.
    private func advance(_ lease: SubscriberLease, to event: RecordedEvent) async throws {
        let query = event.position > lease.checkpoint.position ? lease.advance(to: event) : lease.hold
        try await pool.query(query.statement, query.values)
        if event.position > lease.checkpoint.position { lease.moved(to: event) }
    }

    /// After which position to go on, and whether that is where the sink ends.
    private func startPosition(head: Int64, known: Int64) async throws -> (Int64, isSinks: Bool) {
        if let position = try await sink.lastPosition() {
            guard position <= head else {
                throw SubscriberStop(
                    "\(sink.name) has events up to position \(position), and the log ends at \(head): it is another log, or was restored")
            }
            if position < known { logger.warning("a sink has lost events, and gets them again", metadata: place(position, known)) }
            return (position, true)
        }
        let position = start == .beginning ? 0 : head
        if known > 0 { logger.warning("a sink is empty; it begins where the setting says", metadata: place(position, known)) }
        return (position, false)
    }

    private func place(_ position: Int64, _ known: Int64) -> Logger.Metadata {
        ["sink": "\(sink.name)", "after": "\(position)", "known": "\(known)"]
    }

    private func place(of event: RecordedEvent) -> OutgoingEvent.Place { .init(position: event.position, category: event.stream.category) }

    /// Nil for an event that is too large to be sent, which is told once.
    private func outgoing(_ event: RecordedEvent) -> OutgoingEvent? {
        var writer = JSONWriter(capacity: 1024)
        writer.cloudEvent(event, catalog: catalog)
        guard writer.bytes.count <= maximumBytes else {
            refused.increment()
            logger.error(
                "an event is too large to be sent on, and is left out",
                metadata: [
                    "sink": "\(sink.name)", "position": "\(event.position)", "type": "\(event.type)", "id": "\(event.id.lowercased)",
                    "bytes": "\(writer.bytes.count)",
                ])
            return nil
        }
        return OutgoingEvent(place: place(of: event), json: writer.text)
    }
}

extension Array {
    fileprivate func inChunks(of size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
