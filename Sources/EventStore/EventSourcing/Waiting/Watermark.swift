import Synchronization

/// The highest position that something has reached, and the place to wait for a higher one.
package final class Watermark: Sendable {
    private enum Ending {
        case reached
        case wentBack
        case cancelled
    }

    private struct Waiter {
        let position: Int64
        let id: UInt64
        let continuation: CheckedContinuation<Ending, Never>
    }

    private struct State {
        var position: Int64
        /// Ascending by position, and by id within one.
        var waiters: [Waiter] = []
        var lastID: UInt64 = 0

        /// Where a waiter stands or would stand. O(log n).
        func index(of id: UInt64, for position: Int64) -> Int {
            var (low, high) = (0, waiters.count)
            while low < high {
                let middle = (low + high) / 2
                if (waiters[middle].position, waiters[middle].id) < (position, id) { low = middle + 1 } else { high = middle }
            }
            return low
        }

        mutating func remove(_ id: UInt64, for position: Int64) -> Waiter? {
            let index = index(of: id, for: position)
            guard index < waiters.count, waiters[index].id == id else { return nil }
            return waiters.remove(at: index)
        }

        mutating func take(upTo position: Int64) -> ArraySlice<Waiter> {
            let taken = waiters.prefix { $0.position <= position }
            waiters.removeFirst(taken.count)
            return taken
        }
    }

    private let state: Mutex<State>

    package init(_ position: Int64 = 0) { state = Mutex(State(position: position)) }

    package var position: Int64 { state.withLock { $0.position } }

    /// How many wait.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Notes that a position is reached, and ends the waits for it. Does nothing when the watermark is there already.
    package func advance(to position: Int64) {
        let reached = state.withLock { state in
            guard position > state.position else { return ArraySlice<Waiter>() }
            state.position = position
            return state.take(upTo: position)
        }
        for waiter in reached { waiter.continuation.resume(returning: .reached) }
    }

    /// Sets the position, higher or lower. When it falls, waits for the position after the old one return false: their callers have seen what is
    /// gone.
    /// - Parameter known: does nothing unless the watermark still is there; nil for wherever it is.
    package func reset(to position: Int64, from known: Int64? = nil) {
        let ended = state.withLock { state -> ArraySlice<Waiter> in
            let old = state.position
            guard known ?? old == old else { return [] }
            state.position = position
            return state.take(upTo: position < old ? old + 1 : position)
        }
        for waiter in ended { waiter.continuation.resume(returning: waiter.position <= position ? .reached : .wentBack) }
    }

    /// Returns true once the position is reached, at once when it is already; false when the watermark falls from the one before it.
    /// Throws only `CancellationError`.
    @discardableResult package func wait(for position: Int64) async throws -> Bool {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let ending = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // The handler takes the lock after the task is marked as cancelled, so it finds this waiter or this sees the mark.
                let ending: Ending? = state.withLock { state in
                    if state.position >= position { return .reached }
                    if Task.isCancelled { return .cancelled }
                    state.waiters.insert(Waiter(position: position, id: id, continuation: continuation), at: state.index(of: id, for: position))
                    return nil
                }
                if let ending { continuation.resume(returning: ending) }
            }
        } onCancel: {
            state.withLock { $0.remove(id, for: position) }?.continuation.resume(returning: .cancelled)
        }
        switch ending {
        case .reached: return true
        case .wentBack: return false
        case .cancelled: throw CancellationError()
        }
    }
}
