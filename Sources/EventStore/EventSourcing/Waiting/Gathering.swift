/// How long someone who follows others' work waits before the next look, so that under load one look finds much. Pure.
///
/// Nobody waits while little comes: what comes after a pause, or one thing after the other, is taken at once.
package struct Gathering: Sendable {
    /// So much in one look means load.
    private let least: Int
    /// From one look to the next.
    private let window: Duration
    private var last: ContinuousClock.Instant?

    package init(from least: Int = 4, within window: Duration = .milliseconds(10)) {
        self.least = least
        self.window = window
    }

    /// A look has begun at this moment and found so much.
    package mutating func found(_ count: Int, at start: ContinuousClock.Instant) { last = count >= least ? start : nil }

    /// The moment of the next look; nil for at once.
    package func next(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let next = last?.advanced(by: window), next > now else { return nil }
        return next
    }
}
