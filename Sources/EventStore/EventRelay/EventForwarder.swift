import CoreMetrics
package import EventSourcing
package import Logging
package import Postgres
package import Subscribers

/// Sends every event of the log on to one sink, in order: an ordinary subscriber with a checkpoint. It goes on where the sink ends, or from the
/// checkpoint where a sink can't tell that. The checkpoint moves over events that the sink has confirmed, so no crash and no setting can skip one.
package struct EventForwarder: Sendable {
    /// Larger events are not sent.
    package static let maximumBytes = 1 << 20
    private static let watchInterval = Duration.seconds(5)

    let sink: any EventSink
    let log: any EventStore
    private let catalog: EventCatalog
    let start: SinkStart
    let pool: ConnectionPool
    private let maximumBytes: Int
    private let subscriber: LeasedSubscriber
    let logger: Logger
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
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await subscriber.run(work) }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.watchInterval)
                    // Another relay sends to the sink, and says how far it is behind.
                    if subscriber.status == .waiting { lag.record(0) }
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func work(under lease: SubscriberLease) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await forward(under: lease) }
            group.addTask { try await watch() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Gives the lease back after `run` has ended.
    package func release() async { await subscriber.release() }

    /// Says how far the sink is behind, also while it takes nothing. Throws when it has lost what it was sent, or does not answer, so that the next
    /// try asks it where to go on: a sink that was emptied is told of no other way while nothing happens.
    private func watch() async throws {
        while true {
            try await Task.sleep(for: Self.watchInterval)
            recordLag(head: try await log.head())
            guard let sent = reached.sent else { continue }
            switch try await sink.end() {
            case .untold: break
            case .position(let end, _): if end < sent { throw SinkMoved() }
            case .empty: throw SinkMoved()
            }
        }
    }

    private func recordLag(head: Int64) { lag.record(max(0, head - reached.value)) }

    private func forward(under lease: SubscriberLease) async throws {
        do {
            let head = try await log.head()
            (reached.value, reached.sent) = (lease.checkpoint.position, nil)
            recordLag(head: head)
            let place = try await startPlace(lease, head: head)
            (reached.value, reached.sent) = (place.position, place.last?.position)
            recordLag(head: head)
            var last = place.last
            for try await page in log.subscribe(after: place.position, lastEvent: place.event) {
                var refused: [OutgoingEvent] = []
                for batch in page.inChunks(of: sink.batchSize) {
                    last = try await send(batch, after: last, &refused) ?? last
                    reached.sent = last?.position
                }
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
    func advance(_ lease: SubscriberLease, to event: RecordedEvent) async throws {
        let query = event.position > lease.checkpoint.position ? lease.advance(to: event) : lease.hold
        try await pool.query(query.statement, query.values)
        if event.position > lease.checkpoint.position { lease.moved(to: event) }
    }
}

extension Array {
    fileprivate func inChunks(of size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
