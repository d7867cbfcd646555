import Synchronization

/// A clock whose sleepers wake at once, the time having jumped to their deadline.
package final class ManualClock: Clock {
    package struct Instant: InstantProtocol {
        package var offset: Duration = .zero
        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - offset }
        package static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let time = Mutex(Instant())
    private let naps = Mutex<[Duration]>([])

    package init() {}

    package var now: Instant { time.withLock { $0 } }
    package var minimumResolution: Duration { .zero }
    /// How long each sleep was.
    package var sleeps: [Duration] { naps.withLock { $0 } }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        naps.withLock { $0.append(now.duration(to: deadline)) }
        time.withLock { $0 = max($0, deadline) }
    }
}

/// A clock that stands still: nobody who sleeps by it wakes before being cancelled.
package struct StoppedClock: Clock {
    package struct Instant: InstantProtocol {
        var offset: Duration = .zero
        package func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        package func duration(to other: Instant) -> Duration { other.offset - offset }
        package static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    package init() {}

    package var now: Instant { Instant() }
    package var minimumResolution: Duration { .zero }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let (never, _) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
        throw CancellationError()
    }
}
