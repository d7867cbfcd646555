package import Deadlines
package import Hummingbird

/// The time that is left for a request. It enters at the gateway, is spent by every wait and every call that the request leads to, and goes from
/// service to service in `X-Annals-Time-Left`: milliseconds, for clocks differ between machines.
package struct TimeBudget: Sendable {
    package let deadline: Deadline

    package init(_ deadline: Deadline) { self.deadline = deadline }

    /// So much from now on.
    package init(_ time: Duration) { deadline = Deadline(.now + time) }

    /// As the caller says, and no more than the service's own limit.
    package init(of request: Request, limit: Duration) {
        guard let left = request.header(.timeLeft)?.number else {
            self.init(limit)
            return
        }
        self.init(min(limit, .milliseconds(left)))
    }

    /// That of the request that this task serves.
    package static var current: TimeBudget? { Deadline.current.map(TimeBudget.init) }

    package var remaining: Duration { deadline.remaining }
    package var isSpent: Bool { deadline.hasPassed }

    /// The value of `X-Annals-Time-Left`, rounded down; never negative.
    package var header: String { String(max(0, Int64(remaining / .milliseconds(1)))) }
}

extension CallContext {
    /// The time that is left for this call; nil for one that no request led to.
    package var budget: TimeBudget? { .current }
}
