import Synchronization

/// A clock whose sleepers wake at once, the time having jumped to their deadline.
final class ManualClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration = .zero
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let time = Mutex(Instant())
    private let naps = Mutex<[Duration]>([])

    var now: Instant { time.withLock { $0 } }
    var minimumResolution: Duration { .zero }
    /// How long each sleep was.
    var sleeps: [Duration] { naps.withLock { $0 } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        naps.withLock { $0.append(now.duration(to: deadline)) }
        time.withLock { $0 = max($0, deadline) }
    }
}
