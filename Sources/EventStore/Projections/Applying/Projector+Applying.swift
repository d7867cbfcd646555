import EventSourcing
import Logging
import Postgres
import Synchronization

/// A live read model's progress: its checkpoint, and who is told when it moves.
struct LiveProgress: Progress {
    let model: String
    private(set) var checkpoint: Checkpoint
    let lease: Lease
    let onMove: (Int64) -> Void

    init(_ model: String, at checkpoint: Checkpoint, under lease: Lease, onMove: @escaping (Int64) -> Void) {
        self.model = model
        self.checkpoint = checkpoint
        self.lease = lease
        self.onMove = onMove
    }

    func query(movingTo event: RecordedEvent) -> Query? { checkpoint.advance(model, to: event.position, event.id) }

    mutating func moved(to event: RecordedEvent) {
        checkpoint.position = event.position
        checkpoint.eventID = event.id
        lease.moved(to: event.position)
        onMove(event.position)
    }
}

extension Projector {
    /// Applies the log from a checkpoint on, until that fails or the lease is over. Ends by throwing.
    func applyLog(to build: Build, from checkpoint: Checkpoint, under lease: Lease) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.applyEvents(to: build, from: checkpoint, under: lease) }
            group.addTask { try await lease.untilOver() }
            try await group.next()
            group.cancelAll()
        }
    }

    private func applyEvents(to build: Build, from checkpoint: Checkpoint, under lease: Lease) async throws {
        var applier = BuildApplier(build: build, pool: pool, parked: try await ParkedStreams.read(build.number, from: pool))
        noteParked(applier.parked.count)
        var progress = LiveProgress(model.name, at: checkpoint, under: lease) { [self] position in
            update {
                $0.position = position
                $0.state = .applying
            }
            notifier.announce(model.name, position: position)
        }
        var waiting: [RecordedEvent]?
        while true {
            let events = if let waiting { waiting } else { try await feed.events(after: progress.checkpoint.position, progress.checkpoint.eventID) }
            try Self.check(events, follow: progress.checkpoint.position)
            async let following = readAhead(of: events)
            let before = applier.parked.count
            do {
                defer {
                    for failure in applier.takeFailures() { note(failure) }
                    if applier.parked.count != before { noteParked(applier.parked.count) }
                }
                try await applier.apply(events, advancing: &progress)
            } catch let tooMany as TooManyParked {
                await noteFailing(at: tooMany.last.position)
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

    private static func check(_ events: [RecordedEvent], follow position: Int64) throws {
        var position = position
        for event in events {
            guard event.position == position + 1 else { throw EventStoreError.broken(reason: "position \(event.position) follows \(position)") }
            position = event.position
        }
    }

    private func note(_ failure: EventFailure) {
        metrics.countParkedStream()
        logger.error(
            "an event can not be applied: its stream is parked",
            metadata: [
                "position": "\(failure.position)", "stream": "\(failure.stream)", "type": "\(failure.type)",
                "sqlstate": "\(failure.sqlState?.rawValue ?? "none")", "constraint": "\(failure.constraint ?? "none")",
            ])
    }

    private func noteParked(_ count: Int) {
        update { $0.parkedStreams = count }
        metrics.setParkedStreams(count)
    }

    /// The database refuses for a reason that is not the event's, such as a missing right: it will go on refusing until somebody mends it.
    func note(refusal error: PostgresError) async {
        let position = status.position + 1
        let isNew = refused.withLock { last in
            defer { last = position }
            return last != position
        }
        update { $0.state = .failed(position: position) }
        logger.log(
            level: isNew ? .error : .debug, "the read database refuses",
            metadata: ["position": "\(position)", "reason": "\(error)", "statement": "\(error.statementName ?? "none")"])
        await noteFailing(at: position)
    }

    private func noteFailing(at position: Int64) async {
        do {
            try await pool.query(.noteFailure, [.text(model.name), .int8(position)])
        } catch {
            logger.debug("the failure could not be stored", metadata: ["reason": "\(error)"])
        }
    }
}

extension Statement {
    fileprivate static let noteFailure = Statement(
        "note_failure", "UPDATE annals.checkpoints SET failing_at = $2 WHERE model = $1 AND position < $2 AND failing_at IS DISTINCT FROM $2")
}
