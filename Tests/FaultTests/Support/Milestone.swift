import Synchronization

/// A number that only grows, and tasks that wait for it to get somewhere.
final class Milestone: Sendable {
    private struct State {
        var value: Int64
        var waiters: [Int: (value: Int64, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var lastWaiter = 0
        var isClosed = false

        mutating func take(where isPassed: (Int64) -> Bool) -> [CheckedContinuation<Void, any Error>] {
            let taken = waiters.filter { isPassed($0.value.value) }
            for number in taken.keys { waiters[number] = nil }
            return taken.values.map(\.continuation)
        }
    }

    private let state: Mutex<State>

    init(_ value: Int64 = 0) { state = Mutex(State(value: value)) }

    /// One more.
    func advance() { advance { $0 + 1 } }

    func advance(to value: Int64) { advance { max($0, value) } }

    private func advance(_ next: (Int64) -> Int64) {
        let passed = state.withLock { state in
            let value = next(state.value)
            state.value = value
            return state.take { $0 <= value }
        }
        for waiter in passed { waiter.resume() }
    }

    /// It gets no further: whoever waits now or later gets an error.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            return state.take { _ in true }
        }
        for waiter in left { waiter.resume(throwing: CancellationError()) }
    }

    /// Waits until the number is at least this. Throws when that will not be, or the task is cancelled.
    func reached(_ value: Int64) async throws {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let answer: Result<Void, any Error>? = state.withLock { state in
                    if state.value >= value { return .success(()) }
                    if state.isClosed || Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[number] = (value, continuation)
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume(throwing: CancellationError())
        }
    }
}
