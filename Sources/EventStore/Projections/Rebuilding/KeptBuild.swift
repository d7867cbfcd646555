import EventSourcing
import Postgres

/// Tables kept from before, being brought up to the log: each batch with its progress in one transaction, for a rollback may be interrupted and gone
/// on with.
struct KeptBuild {
    private(set) var progress: BuildProgress
    private var applier: BuildApplier
    private let feed: EventFeed

    init(_ offline: OfflineBuild, parked: ParkedStreams, pool: ConnectionPool, feed: EventFeed) {
        progress = BuildProgress(offline: offline)
        applier = BuildApplier(build: offline.build, pool: pool, parked: parked)
        self.feed = feed
    }

    var parkedCount: Int { applier.parked.count }

    mutating func advance(to target: Int64, _ onBatch: (Int64) -> Void = { _ in }) async throws {
        while progress.offline.position < target {
            let events = try await feed.events(after: progress.offline.position, progress.offline.eventID)
                .prefix(Int(target - progress.offline.position))
            do {
                try await applier.apply(Array(events), advancing: &progress)
            } catch let tooMany as TooManyParked {
                throw MaintenanceError.tooManyParked(tooMany.last.description)
            }
            onBatch(progress.offline.position)
        }
    }
}

/// The progress of a build that is not live, as stored.
struct BuildProgress: Progress {
    private(set) var offline: OfflineBuild

    init(offline: OfflineBuild) { self.offline = offline }

    func query(movingTo event: RecordedEvent) -> Query? {
        Query(.advanceBuild, [.int8(offline.build.number), .int8(offline.position), .int8(event.position), .uuid(event.id)])
    }

    mutating func moved(to event: RecordedEvent) {
        offline.position = event.position
        offline.eventID = event.id
    }
}
