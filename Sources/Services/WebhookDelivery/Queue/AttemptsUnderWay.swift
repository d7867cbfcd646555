import EventSourcing
import Synchronization

/// The attempts of one webhook that have begun and are not over: one for each stream at most, so that its events stay in order.
final class AttemptsUnderWay: Sendable {
    /// The most at a time: all that one receiver has to bear.
    private static let capacity = 8

    private let state = Mutex((streams: Set<String>(), failure: (any Error)?.none))
    /// Raised when one is over.
    private let signal: Signal

    init(raising signal: Signal) { self.signal = signal }

    /// How many may be added.
    var room: Int { state.withLock { Self.capacity - $0.streams.count } }
    var isEmpty: Bool { state.withLock { $0.streams.isEmpty } }
    /// Their streams, in no order.
    var streams: [String] { state.withLock { Array($0.streams) } }

    /// None is under way yet.
    func reset() { state.withLock { $0 = ([], nil) } }

    /// Throws what has kept an attempt from being noted.
    func confirmNoneFailed() throws { if let failure = state.withLock({ $0.failure }) { throw failure } }

    /// Makes an attempt, as a part of the group.
    func add(of stream: String, to group: inout ThrowingDiscardingTaskGroup<any Error>, _ attempt: @escaping @Sendable () async throws -> Void) {
        state.withLock { _ = $0.streams.insert(stream) }
        group.addTask {
            do {
                try await attempt()
                self.end(stream)
            } catch {
                self.end(stream, error)
            }
        }
    }

    private func end(_ stream: String, _ failure: (any Error)? = nil) {
        state.withLock { state in
            state.streams.remove(stream)
            state.failure = state.failure ?? failure
        }
        signal.raise()
    }
}
