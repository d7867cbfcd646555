import EventSourcing
import FoundationEssentials
import Postgres

/// Applies a stretch of the log to a build that is not live, with several workers side by side.
///
/// A stream's events are all applied by one worker, in order; a post and its views, which share an id, too. Between streams there is no order, which
/// a read model's SQL must not need. Streams share only counters. A short lock timeout breaks deadlocks between workers, and one worker then applies
/// the undone events.
struct LogFold {
    private static let pageSize = EventFeed.pageSize
    /// Bytes of a chunk, about: two are in memory at a time, however many workers there are.
    private static let chunkBytes = 2 * EventFeed.pageBytes
    /// After a collision so many chunks are applied by one worker: where streams share few counters, side by side is slower.
    private static let calmChunks = 10

    private(set) var offline: OfflineBuild
    private(set) var failures: [EventFailure] = []
    private let pool: ConnectionPool
    private let feed: EventFeed
    private let workers: Int
    private var parked: ParkedStreams
    private let usesSets: Bool
    private var chunksAlone = 0

    /// - Parameters:
    ///   - pool: its connections have the build's schema in front.
    ///   - usesSets: whether set forms are used, or each event is applied alone.
    init(
        _ offline: OfflineBuild, _ pool: ConnectionPool, _ feed: EventFeed, workers: Int, parked: ParkedStreams = ParkedStreams(),
        usesSets: Bool = true
    ) {
        self.offline = offline
        self.pool = pool
        self.feed = feed
        self.workers = offline.build.model.isSerial ? 1 : max(1, workers)
        self.parked = parked
        self.usesSets = usesSets
    }

    /// Goes on to a position that the log has; `onChunk` gets the position reached, and may hold this up.
    mutating func advance(to target: Int64, _ onChunk: @Sendable (Int64) async throws -> Void = { _ in }) async throws {
        let start = offline.position
        guard start < target else { return }
        var chunk = try await Self.read(feed, after: start, offline.eventID, to: target, workers)
        while let last = chunk.last {
            async let following = Self.read(feed, after: last.position, last.id, to: target, workers)
            try await apply(chunk)
            offline.position = last.position
            offline.eventID = last.id
            try await onChunk(last.position)
            chunk = try await following
        }
        // Not with each chunk: a build that was interrupted is never gone on with.
        try await pool.query(.advanceBuild, [.int8(offline.build.number), .int8(start), .int8(offline.position), .uuid(optional: offline.eventID)])
    }

    /// From here on leaves out these events and no others.
    mutating func leaveOut(_ positions: Set<Int64>) { parked = ParkedStreams(parked.ids, leavingOut: positions) }

    /// A page for each worker, or as many as make a chunk.
    static func read(_ feed: EventFeed, after position: Int64, _ id: UUID?, to target: Int64, _ workers: Int) async throws -> [RecordedEvent] {
        var chunk: [RecordedEvent] = []
        var (last, lastID, size) = (position, id, 0)
        while last < target, chunk.count < pageSize * workers, size < chunkBytes {
            let page = try await feed.events(after: last, lastID).prefix(Int(target - last))
            chunk += page
            size += page.reduce(0) { $0 + $1.approximateSize }
            (last, lastID) = (chunk.last?.position ?? target, chunk.last?.id)
        }
        return chunk
    }

    private mutating func apply(_ chunk: [RecordedEvent]) async throws {
        let count = chunksAlone > 0 ? 1 : workers
        chunksAlone = max(0, chunksAlone - 1)
        var undone: [RecordedEvent] = []
        for portion in try await applied(chunk.divided(among: count)) {
            take(portion)
            undone += portion.undone
        }
        guard !undone.isEmpty else { return }
        chunksAlone = Self.calmChunks
        for portion in try await applied([undone.sorted { $0.position < $1.position }]) {
            take(portion)
            // No other worker is there to collide with.
            if let first = portion.undone.first { throw MaintenanceError.heldUp(model: offline.build.model.name, position: first.position) }
        }
    }

    private func applied(_ portions: [[RecordedEvent]]) async throws -> [Portion] {
        try await withThrowingTaskGroup(of: Portion.self) { group in
            for events in portions where !events.isEmpty {
                var portion = Portion(BuildApplier(build: offline.build, pool: pool, parked: parked, usesSets: usesSets), events)
                group.addTask {
                    try await portion.apply()
                    return portion
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private mutating func take(_ portion: Portion) {
        failures += portion.failures
        // Each portion's copy has the ids of all; it speaks for its own.
        let waiting = portion.ids.filter { portion.applier.parked.contains($0) }
        parked.release(portion.ids.subtracting(waiting))
        for id in waiting { parked.park(id) }
    }
}

/// The events of one worker.
private struct Portion: Sendable {
    private(set) var applier: BuildApplier
    private(set) var failures: [EventFailure] = []
    /// The events that a collision with another worker has taken back.
    private(set) var undone: [RecordedEvent] = []
    private let events: [RecordedEvent]

    init(_ applier: BuildApplier, _ events: [RecordedEvent]) {
        self.applier = applier
        self.events = events
    }

    var ids: Set<UUID> { Set(events.map(\.stream.id)) }

    mutating func apply() async throws {
        var progress = UnrecordedProgress()
        defer { failures = applier.takeFailures() }
        do {
            try await applier.apply(events, advancing: &progress)
        } catch let error as PostgresError where error.isCollision {
            undone = events.filter { $0.position > progress.position }
        } catch let tooMany as TooManyParked {
            throw MaintenanceError.tooManyParked(tooMany.last.description)
        }
    }
}

/// Progress that is recorded once the whole fold has come to its end.
private struct UnrecordedProgress: Progress {
    private(set) var position: Int64 = 0

    func query(movingTo event: RecordedEvent) -> Query? { nil }

    mutating func moved(to event: RecordedEvent) { position = event.position }
}

extension PostgresError {
    /// Another transaction held a row for too long, or each waited for the other.
    var isCollision: Bool { sqlState == .lockNotAvailable || sqlState == .deadlockDetected }
}

extension [RecordedEvent] {
    /// Each stream's events together, those of streams with one id too; in order.
    fileprivate func divided(among count: Int) -> [[RecordedEvent]] {
        guard count > 1 else { return [self] }
        var portions = [[RecordedEvent]](repeating: [], count: count)
        for event in self { portions[Int(event.stream.id.uuid.14 &+ event.stream.id.uuid.15) % count].append(event) }
        return portions
    }
}

extension Statement {
    static let advanceBuild = Statement("advance_build", "SELECT annals.advance_build($1, $2, $3, $4)")
}
