/// How long a call may stand in a queue, after the idea of CoDel (RFC 8289) in its simplest form: a queue that was empty a moment ago is a burst,
/// which may take its time; one that has not been empty for a while only makes everybody late.
struct QueueDelay {
    typealias Instant = ContinuousClock.Instant

    private let settings: SheddingSettings
    private var lastEmpty: Instant

    init(_ settings: SheddingSettings, at now: Instant) {
        self.settings = settings
        lastEmpty = now
    }

    /// Nobody stands in the queue.
    mutating func noteEmpty(at now: Instant) { lastEmpty = now }

    /// Whether the queue has stood for so long that it will not empty by itself.
    func isStanding(at now: Instant) -> Bool { now - lastEmpty > settings.interval }

    /// How long a call may wait.
    func patience(at now: Instant) -> Duration { isStanding(at: now) ? settings.target : settings.interval }
}

/// How many calls one service is given at once, and how long others wait for their turn.
package struct SheddingSettings: Sendable, Equatable {
    /// Calls on their way to one service.
    package var concurrency = 1024
    /// How many of those may be reads. The rest is kept for commands and for signing in.
    package var reads = 896
    /// How many of those may wait for a position; at least one may.
    var patientReads: Int { max(1, reads / 4) }
    /// Calls of each lane that wait for their turn; one more is refused.
    package var queue = 4096
    /// How long a call may wait while the queue does not empty.
    package var target: Duration = .milliseconds(25)
    /// How long a call may wait in a burst; a queue that has stood for longer is no burst.
    package var interval: Duration = .milliseconds(250)

    package init() {}
}
