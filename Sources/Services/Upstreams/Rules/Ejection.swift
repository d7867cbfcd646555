/// Whether an instance is passed over: after failed calls in a row, when nobody listens there, or while it says that it is not ready.
struct Ejection {
    typealias Instant = ContinuousClock.Instant

    private let settings: UpstreamSettings.Ejecting
    /// Failed calls since the last good one.
    private(set) var failures = 0
    private(set) var isReady = true
    private var ejected: (at: Instant, until: Instant)?

    init(_ settings: UpstreamSettings.Ejecting) { self.settings = settings }

    func isOut(at now: Instant) -> Bool { !isReady || ejected.map { now < $0.until } ?? false }

    /// A call failed.
    /// - Parameters:
    ///   - isGone: nobody listens there, which needs no second opinion.
    ///   - isLast: no other instance is left; then it stays.
    mutating func failed(isGone: Bool = false, isLast: Bool, at now: Instant) {
        failures += 1
        if isGone || failures >= settings.failures, !isLast { ejected = (now, now + settings.time) }
    }

    /// A call went well: it is taken back at once.
    mutating func succeeded() {
        failures = 0
        ejected = nil
    }

    /// It was asked whether it is ready. A good answer takes it back at once, unless it was asked before the calls failed.
    mutating func checked(isReady: Bool, asked: Instant) {
        self.isReady = isReady
        guard isReady, ejected.map({ $0.at < asked }) ?? true else { return }
        succeeded()
    }
}
