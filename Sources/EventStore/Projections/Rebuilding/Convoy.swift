import EventSourcing
import Synchronization

/// Keeps folds of one log near each other, so that most pages are read, parsed and opened once for all of them.
///
/// Without it the quickest would read the log alone, and the others once more when the feed keeps no longer what it has read. That still happens where the events of the
/// lead take more room than the feed has (more than 2 KB each), or where folds have so many workers that one chunk is as long as the lead: from 8 on.
final class Convoy: Sendable {
    /// One fold on its way.
    struct Member: Sendable {
        fileprivate let id: UInt64
    }

    /// How far ahead of the last one may be: with events of usual size within what the feed keeps.
    static let lead = Int64(EventFeed.pageSize) * 8

    private struct State {
        var positions: [UInt64: Int64] = [:]
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastID: UInt64 = 0

        func isFarAhead(_ id: UInt64) -> Bool {
            guard let own = positions[id], let last = positions.values.min() else { return false }
            return own - last > Convoy.lead
        }

        /// Those who have waited long enough.
        mutating func takeReady() -> [CheckedContinuation<Void, Never>] {
            waiters.keys.filter { !isFarAhead($0) }.compactMap { waiters.removeValue(forKey: $0) }
        }
    }

    private let state = Mutex(State())

    /// How many are held up.
    var waiting: Int { state.withLock { $0.waiters.count } }

    /// Has the others wait for this one, too, until it leaves.
    func join(at position: Int64) -> Member {
        state.withLock { state in
            state.lastID += 1
            state.positions[state.lastID] = position
            return Member(id: state.lastID)
        }
    }

    /// Returns once this is not too far ahead of the others. Throws `CancellationError`.
    func reached(_ position: Int64, by member: Member) async throws {
        let ready = state.withLock { state in
            state.positions[member.id] = position
            return state.takeReady()
        }
        for waiter in ready { waiter.resume() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // The handler may have run before the continuation was there.
                let isDone = state.withLock { state in
                    if Task.isCancelled || !state.isFarAhead(member.id) { return true }
                    state.waiters[member.id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: member.id) }?.resume()
        }
        try Task.checkCancellation()
    }

    func leave(_ member: Member) {
        let ready = state.withLock { state in
            state.positions[member.id] = nil
            return state.takeReady()
        }
        for waiter in ready { waiter.resume() }
    }
}
