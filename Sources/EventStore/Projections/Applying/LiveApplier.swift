import EventSourcing
import Logging
import Postgres
import Spans

/// Applies the log to the live tables of one read model, under the lease that its projector holds.
struct LiveApplier: Sendable {
    let build: Build
    let pool: ConnectionPool
    let feed: EventFeed
    let lease: Lease
    let logger: Logger
    let metrics: ProjectorMetrics
    /// Gets each position once it is committed.
    let onMove: @Sendable (Int64) -> Void
    /// Gets the number of parked streams when it changes.
    let onParked: @Sendable (Int) -> Void

    /// Goes on from a checkpoint until that fails or the lease is over. Ends by throwing.
    func run(from checkpoint: ProjectionCheckpoint) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.applyEvents(from: checkpoint) }
            group.addTask { try await lease.untilOver() }
            try await group.next()
            group.cancelAll()
        }
    }

    private func applyEvents(from checkpoint: ProjectionCheckpoint) async throws {
        var applier = BuildApplier(build: build, pool: pool, parked: try await ParkedStreams.read(build.number, from: pool))
        onParked(applier.parked.count)
        var progress = LiveProgress(at: checkpoint, under: lease, onMove: onMove)
        var waiting: [RecordedEvent]?
        while true {
            let events = if let waiting { waiting } else { try await feed.events(after: progress.checkpoint.position, progress.checkpoint.eventID) }
            async let following = readAhead(of: events)
            let before = applier.parked.count
            do {
                defer {
                    for failure in applier.takeFailures() { report(failure) }
                    if applier.parked.count != before { onParked(applier.parked.count) }
                }
                // The commands have been answered long since, so this is no part of their traces.
                try await inLinkedSpan("project \(build.model.name)", causes: events.map(\.metadata.traceparent)) {
                    try await applier.apply(events, advancing: &progress)
                }
            } catch let tooMany as TooManyParked {
                try await progress.checkpoint.recordFailure(at: tooMany.last.position, in: pool)
                throw ProjectorStop.tooManyParked(tooMany.last.description)
            }
            waiting = try await following
        }
    }

    /// The page after this one, read while this one is applied; nil near the head, where what comes meanwhile had better make one batch.
    private func readAhead(of events: [RecordedEvent]) async throws -> [RecordedEvent]? {
        guard events.count > EventFeed.pageSize / 4, let last = events.last else { return nil }
        return try await feed.events(after: last.position, last.id)
    }

    private func report(_ failure: EventFailure) {
        metrics.countParkedStream()
        logger.error(
            "an event can't be applied: its stream is parked",
            metadata: [
                "position": "\(failure.position)", "stream": "\(failure.stream)", "type": "\(failure.type)",
                "sqlstate": "\(failure.sqlState?.rawValue ?? "none")", "constraint": "\(failure.constraint ?? "none")", "reason": "\(failure.reason)",
            ])
    }
}

/// A live read model's progress: its checkpoint, and who is told when it moves.
private struct LiveProgress: Progress {
    private(set) var checkpoint: ProjectionCheckpoint
    private let lease: Lease
    private let onMove: (Int64) -> Void

    init(at checkpoint: ProjectionCheckpoint, under lease: Lease, onMove: @escaping (Int64) -> Void) {
        self.checkpoint = checkpoint
        self.lease = lease
        self.onMove = onMove
    }

    func query(movingTo event: RecordedEvent) -> Query? { checkpoint.advance(to: event.position, event.id) }

    mutating func moved(to event: RecordedEvent) {
        checkpoint.position = event.position
        checkpoint.eventID = event.id
        lease.moved(to: event.position)
        onMove(event.position)
    }
}
