/// Keeps repeats from multiplying an outage: over a window they are a share of the requests at most, and a few are always allowed.
struct RetryBudget {
    typealias Instant = ContinuousClock.Instant

    private let settings: UpstreamSettings.Retries
    /// Requests, and the repeats marked.
    private var window: RollingWindow

    init(_ settings: UpstreamSettings.Retries) {
        self.settings = settings
        window = RollingWindow(settings.window)
    }

    /// A request came: its first attempt is free.
    mutating func note(at now: Instant) { window.add(at: now) }

    /// Takes one repeat, if there is one left.
    mutating func take(at now: Instant) -> Bool {
        window.advance(to: now)
        let allowed = max(settings.minimum, window.total.all * settings.percentage / 100)
        guard window.total.marked < allowed else { return false }
        window.add(all: 0, marked: 1, at: now)
        return true
    }
}
