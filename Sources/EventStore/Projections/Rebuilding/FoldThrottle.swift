import EventSourcing
import Synchronization

/// Holds up the folds of one log that are far ahead, so that most pages are read, parsed and opened once for all of them.
///
/// Without it the quickest would read the log alone, and the others once more when the feed keeps no longer what it has read. That still happens
/// where the events of the lead take more room than the feed has (more than 2 KB each), or where folds have so many workers that one chunk is as long
/// as the lead: from 8 on.
final class FoldThrottle: Sendable {
    /// One fold on its way.
    struct Member: Sendable {
        fileprivate let id: UInt64
    }

    /// How far ahead of the last one may be: with events of usual size within what the feed keeps.
    static let lead = Int64(EventFeed.pageSize) * 8

    private struct State {
        var positions: [UInt64: Int64] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())
    /// Where the last of the folds is.
    private let last = Watermark()

    /// How many are held up.
    var waiting: Int { last.waiterCount }

    /// Has the others wait for this one, too, until it leaves.
    func join(at position: Int64) -> Member {
        update { state in
            state.lastID += 1
            state.positions[state.lastID] = position
            return Member(id: state.lastID)
        }
    }

    /// Returns once this is not too far ahead of the others. Throws `CancellationError`.
    func reached(_ position: Int64, by member: Member) async throws {
        update { $0.positions[member.id] = position }
        while try await !last.wait(for: position - Self.lead) {}
        try Task.checkCancellation()
    }

    func leave(_ member: Member) {
        update { $0.positions[member.id] = nil }
    }

    private func update<T>(_ change: (inout State) -> T) -> T {
        state.withLock { state in
            let value = change(&state)
            if let position = state.positions.values.min() { last.reset(to: position) }
            return value
        }
    }
}
