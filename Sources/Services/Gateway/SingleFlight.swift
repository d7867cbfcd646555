import EventSourcing
import Synchronization

/// Work that is done once for all who ask at the same time, and whose outcome is good for a while. However many ask, it costs the same.
final class SingleFlight<Outcome: Sendable>: Sendable {
    private struct State {
        var outcome: Outcome?
        /// Before it the outcome is taken as it is.
        var goodUntil: UInt64 = 0
        /// Ends with the work that is under way.
        var flight: Signal?
    }

    private enum Step {
        case use(Outcome)
        case work
        case wait(Signal)
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

    /// The last outcome while it is good, else a new one: the first caller does the work, and the others wait for it.
    func outcome(_ work: () async -> Outcome) async throws -> Outcome {
        while true {
            switch state.withLock({ next(in: &$0) }) {
            case .use(let outcome): return outcome
            case .wait(let flight): try await flight.wait()
            case .work:
                let outcome = await work()
                // A cancelled caller's outcome is worth nothing to the others: one of them does the work again.
                settle(Task.isCancelled ? nil : outcome)
                return outcome
            }
        }
    }

    private func next(in state: inout State) -> Step {
        if let flight = state.flight { return .wait(flight) }
        if let outcome = state.outcome, now() < state.goodUntil { return .use(outcome) }
        state.flight = Signal()
        return .work
    }

    private func settle(_ outcome: Outcome?) {
        let flight = state.withLock { state in
            if let outcome {
                state.outcome = outcome
                state.goodUntil = now() + UInt64(lifetime / .nanoseconds(1))
            }
            return state.flight.take()
        }
        flight?.finish()
    }
}
