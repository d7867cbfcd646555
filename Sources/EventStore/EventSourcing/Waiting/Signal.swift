import Synchronization

/// Something that happens now and then, and the place to wait for it.
///
/// A wait ends as soon as there may be work, so its caller looks at the state that the signal is about, works, and waits again.
package final class Signal: Sendable {
    private struct Waiter {
        let id: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        /// Whether it was raised while nobody waited.
        var isRaised = false
        var isFinished = false
        /// In the order in which they came.
        var waiters: [Waiter] = []
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// How many wait.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Ends the wait that began first, or lets the next one through at once. Raising twice before a wait is raising once.
    package func raise() {
        let first = state.withLock { state -> Waiter? in
            guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
            state.isRaised = true
            return nil
        }
        first?.continuation.resume(returning: true)
    }

    /// Ends all waits, and lets every later one through at once.
    package func finish() {
        let all = state.withLock { state in
            state.isFinished = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in all { waiter.continuation.resume(returning: true) }
    }

    /// Returns when the signal is raised, or was raised since the last wait, or is finished. Throws only `CancellationError`.
    /// A cancelled wait takes no signal from others.
    package func wait() async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let isSignalled = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // The handler takes the lock after the task is marked as cancelled, so it finds this waiter or this sees the mark.
                let answer: Bool? = state.withLock { state in
                    if state.isFinished { return true }
                    if Task.isCancelled { return false }
                    guard !state.isRaised else {
                        state.isRaised = false
                        return true
                    }
                    state.waiters.append(Waiter(id: id, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(returning: false)
        }
        if !isSignalled { throw CancellationError() }
    }
}
