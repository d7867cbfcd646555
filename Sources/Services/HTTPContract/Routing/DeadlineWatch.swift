import Deadlines
package import NIOCore
import Synchronization

/// Gives up the calls that take too long, and those whose clients have gone.
///
/// One timer for all calls, and none while nothing waits: a timer a call costs more than most calls do, and a cancelled one would stay behind until
/// its time. So a deadline is kept to within a quarter of the longest, a second at most, never early.
package final class DeadlineWatch: Sendable {
    private struct Watch {
        var calls: [WatchedCall] = []
        var isTicking = false
    }

    private let tick: TimeAmount
    private let loop: any EventLoop
    private let watch = Mutex(Watch())

    /// - Parameter longest: the longest time that a call has.
    package init(longest: Duration, on loop: any EventLoop) {
        tick = min(.seconds(1), .nanoseconds(max(1_000_000, TimeAmount(longest).nanoseconds / 4)))
        self.loop = loop
    }

    /// Runs the work, which finds the deadline in its task. At the deadline it is cancelled and, as soon as it has ended, whatever it yields is
    /// dropped for a 504. When the client has gone it is cancelled, too. A part of other work has no more time than that.
    /// - Parameter channel: how the client is reached.
    package func apply<Value: Sendable>(
        _ budget: TimeBudget, channel: (any Channel)? = nil, _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let deadline = min(budget.deadline, Deadline.current ?? budget.deadline)
        if deadline.hasPassed { throw Problem.timeout() }
        let call = WatchedCall(due: deadline, channel: channel)
        return try await Deadline.$current.withValue(deadline) {
            try await withThrowingTaskGroup(of: Value.self) { group in
                // Starts on this thread, so a call that never waits never changes threads either.
                group.addImmediateTask {
                    defer { call.finish() }
                    return try await work()
                }
                guard let problem = await ending(of: call) else {
                    guard let value = try await group.next() else { throw CancellationError() }
                    return value
                }
                group.cancelAll()
                throw problem
            }
        }
    }

    /// Why the call is given up; nil when it has finished.
    private func ending(of call: WatchedCall) async -> (any Error)? {
        if call.isFinished { return nil }
        let startsTicking = watch.withLock { watch in
            watch.calls.append(call)
            defer { watch.isTicking = true }
            return !watch.isTicking
        }
        if startsTicking { scheduleTick() }
        return switch await call.outcome() {
        case .finished: nil
        case .expired: Problem.timeout()
        case .abandoned: CancellationError()
        }
    }

    private func scheduleTick() { loop.scheduleTask(in: tick) { self.sweep() } }

    private func sweep() {
        let now = Deadline(.now)
        let goesOn = watch.withLock { watch in
            watch.calls.removeAll { $0.isFinished || $0.giveUp(at: now) }
            watch.isTicking = !watch.calls.isEmpty
            return watch.isTicking
        }
        if goesOn { scheduleTick() }
    }
}

/// A call under a deadline: it ends once, and whoever waits is told.
private final class WatchedCall: Sendable {
    enum Outcome {
        case finished
        case expired
        /// Its client has gone.
        case abandoned
    }

    private enum Phase {
        case running
        case awaited(CheckedContinuation<Outcome, Never>)
        case ended(Outcome)
    }

    private let due: Deadline
    private let channel: (any Channel)?
    private let phase = Mutex(Phase.running)

    init(due: Deadline, channel: (any Channel)?) {
        self.due = due
        self.channel = channel
    }

    var isFinished: Bool { phase.withLock { if case .ended(.finished) = $0 { true } else { false } } }

    func outcome() async -> Outcome {
        await withCheckedContinuation { continuation in
            let known: Outcome? = phase.withLock { phase in
                if case .ended(let outcome) = phase { return outcome }
                phase = .awaited(continuation)
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    func finish() { settle(.finished) }

    /// Ends it if it is due, or nobody is there to be answered; whether it was.
    func giveUp(at now: Deadline) -> Bool {
        if now >= due {
            settle(.expired)
        } else if channel?.isActive == false {
            settle(.abandoned)
        } else {
            return false
        }
        return true
    }

    private func settle(_ outcome: Outcome) {
        let waiter: CheckedContinuation<Outcome, Never>? = phase.withLock { phase in
            switch phase {
            case .ended: return nil
            case .running:
                phase = .ended(outcome)
                return nil
            case .awaited(let continuation):
                phase = .ended(outcome)
                return continuation
            }
        }
        waiter?.resume(returning: outcome)
    }
}
