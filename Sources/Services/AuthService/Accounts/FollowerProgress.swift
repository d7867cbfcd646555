import Synchronization

/// How far a follower has come, and who waits for it to come further.
final class FollowerProgress: Sendable {
    private struct Waiter {
        let position: Int64
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var position: Int64 = 0
        var waiters: [Int: Waiter] = [:]
        var lastID = 0
    }

    private let state = Mutex(State())

    /// The last position reached.
    var position: Int64 { state.withLock(\.position) }

    /// Notes the position, never going back, and wakes who waited for it.
    func advance(to position: Int64) {
        let reached = state.withLock { state in
            state.position = max(state.position, position)
            let due = state.waiters.filter { $0.value.position <= state.position }
            for id in due.keys { state.waiters[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in reached { continuation.resume() }
    }

    /// Whether the position was reached in time.
    func wait(for position: Int64, timeout: Duration) async throws -> Bool {
        if self.position >= position { return true }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(for: position) }
            group.addTask { try await Task.sleep(for: timeout) }
            defer { group.cancelAll() }
            try await group.next()
            return self.position >= position
        }
    }

    /// Returns when the position is reached or the task is cancelled.
    private func wait(for position: Int64) async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    // The handler may have run before the waiter was there.
                    if state.position >= position || Task.isCancelled { return true }
                    state.waiters[id] = Waiter(position: position, continuation: continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume()
        }
    }
}
