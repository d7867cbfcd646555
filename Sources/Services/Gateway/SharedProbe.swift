import Synchronization

/// A look that is taken for all who ask: one at a time, and what it saw is good for a while. However many ask, those who are looked at have the same work.
final class SharedProbe<Outcome: Sendable>: Sendable {
    private struct State {
        var outcome: Outcome?
        /// Before it the outcome is taken as it is.
        var goodUntil: UInt64 = 0
        var isLooking = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private enum Step {
        case use(Outcome)
        case look
        case wait
    }

    private let state = Mutex(State())
    private let lifetime: Duration
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - lifetime: how long an outcome is good for.
    ///   - now: nanoseconds of a clock that only goes forward.
    init(lifetime: Duration, now: @escaping @Sendable () -> UInt64) {
        self.lifetime = lifetime
        self.now = now
    }

    /// What was seen last, unless that was too long ago: then what is seen now, by whoever asked first.
    func outcome(_ look: () async -> Outcome) async -> Outcome {
        while true {
            switch state.withLock({ next(in: &$0) }) {
            case .use(let outcome): return outcome
            case .wait: await waitForLook()
            case .look:
                let outcome = await look()
                // Whose caller has left saw nothing that others should believe: one of them looks again.
                settle(Task.isCancelled ? nil : outcome)
                return outcome
            }
        }
    }

    private func next(in state: inout State) -> Step {
        if state.isLooking { return .wait }
        if let outcome = state.outcome, now() < state.goodUntil { return .use(outcome) }
        state.isLooking = true
        return .look
    }

    private func settle(_ outcome: Outcome?) {
        let waiters = state.withLock { state in
            state.isLooking = false
            if let outcome {
                state.outcome = outcome
                state.goodUntil = now() + UInt64(lifetime / .nanoseconds(1))
            }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func waitForLook() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isLooking { state.waiters.append(continuation) }
                return !state.isLooking
            }
            if isOver { continuation.resume() }
        }
    }
}
