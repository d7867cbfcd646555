import HTTPContract
import NIOCore
import Synchronization

/// Gives up what takes too long.
///
/// One timer for all calls, and none while nothing waits: a timer a call costs more than most calls do, and a cancelled one would stay behind until
/// its time. So a deadline is kept to within a quarter of it, a second at most, never early.
final class Deadline: Sendable {
    private struct Watch {
        var calls: [WatchedCall] = []
        var isTicking = false
    }

    private let limit: TimeAmount
    private let tick: TimeAmount
    private let loop: any EventLoop
    private let watch = Mutex(Watch())

    init(_ limit: Duration, on loop: any EventLoop) {
        self.limit = TimeAmount(limit)
        tick = min(.seconds(1), .nanoseconds(max(1_000_000, TimeAmount(limit).nanoseconds / 4)))
        self.loop = loop
    }

    /// Runs the work. At the deadline it is cancelled and, as soon as it has ended, whatever it yields is dropped for a 504.
    func apply<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let call = WatchedCall(due: .now() + limit)
        return try await withThrowingTaskGroup(of: Value.self) { group in
            // Starts on this thread, so a call that never waits never changes threads either.
            group.addImmediateTask {
                defer { call.finish() }
                return try await work()
            }
            guard await isInTime(call) else {
                group.cancelAll()
                throw Problem.timeout()
            }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    private func isInTime(_ call: WatchedCall) async -> Bool {
        if call.isFinished { return true }
        let startsTicking = watch.withLock { watch in
            watch.calls.append(call)
            defer { watch.isTicking = true }
            return !watch.isTicking
        }
        if startsTicking { scheduleTick() }
        return await call.outcome()
    }

    private func scheduleTick() { loop.scheduleTask(in: tick) { self.sweep() } }

    private func sweep() {
        let now = NIODeadline.now()
        let goesOn = watch.withLock { watch in
            watch.calls.removeAll { $0.isFinished || $0.expire(at: now) }
            watch.isTicking = !watch.calls.isEmpty
            return watch.isTicking
        }
        if goesOn { scheduleTick() }
    }
}

/// A call under a deadline: it either finishes or expires, and whoever waits is told once.
private final class WatchedCall: Sendable {
    private enum Phase {
        case running
        case awaited(CheckedContinuation<Bool, Never>)
        case finished
        case expired
    }

    private let due: NIODeadline
    private let phase = Mutex(Phase.running)

    init(due: NIODeadline) { self.due = due }

    var isFinished: Bool { phase.withLock { if case .finished = $0 { true } else { false } } }

    /// Whether it finished, rather than expired.
    func outcome() async -> Bool {
        await withCheckedContinuation { continuation in
            let known: Bool? = phase.withLock { phase in
                switch phase {
                case .running, .awaited:
                    phase = .awaited(continuation)
                    return nil
                case .finished: return true
                case .expired: return false
                }
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    func finish() { settle(.finished, inTime: true) }

    /// Expires it if it is due; whether it was.
    func expire(at now: NIODeadline) -> Bool {
        guard now >= due else { return false }
        settle(.expired, inTime: false)
        return true
    }

    private func settle(_ end: sending Phase, inTime: Bool) {
        let waiter: CheckedContinuation<Bool, Never>? = phase.withLock { phase in
            switch phase {
            case .running:
                phase = end
                return nil
            case .awaited(let continuation):
                phase = end
                return continuation
            case .finished, .expired: return nil
            }
        }
        waiter?.resume(returning: inTime)
    }
}
