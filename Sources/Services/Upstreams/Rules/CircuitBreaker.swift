/// The verdict of a call on the instance that it went to.
enum Verdict {
    case good
    case bad
    /// Nobody listens there.
    case gone
    /// It says nothing of the instance: its caller gave it up or was slow itself, or this process could not make it.
    case none
}

/// Keeps calls from an instance that fails: it opens when too many of the last calls failed, and closes when a few that try it succeed.
struct CircuitBreaker {
    typealias Instant = ContinuousClock.Instant

    enum Phase: Equatable {
        case closed
        case open(until: Instant)
        /// Calls that try the instance: those on their way, and those that succeeded.
        case halfOpen(running: Int, passed: Int)
    }

    /// Leave for one call. Its verdict counts only in the phase that gave it.
    struct Permit: Equatable, Sendable {
        fileprivate let era: Int
    }

    private let settings: UpstreamSettings.Breaker
    private(set) var phase = Phase.closed
    private var era = 0
    /// Calls, and the failed ones marked.
    private var window: RollingWindow

    init(_ settings: UpstreamSettings.Breaker) {
        self.settings = settings
        window = RollingWindow(settings.window)
    }

    /// Whether it would admit a call now.
    func admits(at now: Instant) -> Bool {
        switch phase {
        case .closed: true
        case .open(let until): now >= until
        case .halfOpen(let running, let passed): running + passed < settings.probes
        }
    }

    /// Admits a call, or not.
    mutating func admit(at now: Instant) -> Permit? {
        switch phase {
        case .closed: break
        case .open(let until):
            guard now >= until else { return nil }
            enter(.halfOpen(running: 1, passed: 0))
        case .halfOpen(let running, let passed):
            guard running + passed < settings.probes else { return nil }
            phase = .halfOpen(running: running + 1, passed: passed)
        }
        return Permit(era: era)
    }

    /// Takes the verdict of a call that was admitted.
    mutating func record(_ verdict: Verdict, of permit: Permit, at now: Instant) {
        guard permit.era == era else { return }
        switch (phase, verdict) {
        case (.open, _), (.closed, .none): break
        case (.closed, .good): window.add(at: now)
        case (.closed, .bad), (.closed, .gone):
            window.add(marked: 1, at: now)
            let total = window.total
            if total.all >= settings.minimumVolume, total.marked * 100 >= total.all * settings.failurePercentage { open(at: now) }
        case (.halfOpen(let running, let passed), .none): phase = .halfOpen(running: running - 1, passed: passed)
        case (.halfOpen(let running, let passed), .good):
            if passed + 1 < settings.probes {
                phase = .halfOpen(running: running - 1, passed: passed + 1)
            } else {
                window = RollingWindow(settings.window)
                enter(.closed)
            }
        case (.halfOpen, .bad), (.halfOpen, .gone): open(at: now)
        }
    }

    /// The instance says that it is ready, asked after the breaker opened: it is tried without waiting longer.
    mutating func tryAgain(ifOpenedBefore asked: Instant) {
        if case .open(let until) = phase, until - settings.openTime < asked { enter(.halfOpen(running: 0, passed: 0)) }
    }

    /// When it admits a call again; nil when it does not wait for a time.
    var opening: Instant? {
        if case .open(let until) = phase { until } else { nil }
    }

    private mutating func open(at now: Instant) { enter(.open(until: now + settings.openTime)) }

    private mutating func enter(_ next: Phase) {
        phase = next
        era += 1
    }
}
