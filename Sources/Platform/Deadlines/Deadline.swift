/// The moment at which a request's time is up.
///
/// It belongs to the task that serves the request, and to its child tasks: a wait at the bottom finds it without every layer between handing it on.
/// Work that serves many requests at once has none.
package struct Deadline: Sendable, Hashable, Comparable {
    package let instant: ContinuousClock.Instant

    package init(_ instant: ContinuousClock.Instant) { self.instant = instant }

    /// That of the request that this task serves; nil for work that no request waits for.
    @TaskLocal package static var current: Deadline?

    /// Whether the time of this task's request is up. Without a deadline it costs one look into the task.
    package static var hasPassed: Bool { current.map(\.hasPassed) ?? false }

    package var hasPassed: Bool { instant <= .now }

    /// The time left; negative when it is up.
    package var remaining: Duration { instant - .now }

    package static func < (left: Deadline, right: Deadline) -> Bool { left.instant < right.instant }
}
