import Glibc
import Synchronization

/// The socket of a connection while it is open. Another thread can end a call that waits on it.
final class InterruptibleSocket: Sendable {
    private let state = Mutex((descriptor: Int32?.none, isInterrupted: false))

    /// Whether the connection is of no use any more.
    var isInterrupted: Bool { state.withLock(\.isInterrupted) }

    func opened(_ descriptor: Int32) { state.withLock { $0 = (descriptor, false) } }

    func closed() { state.withLock { $0 = (nil, false) } }

    /// Ends the connection. Its calls fail from here on.
    func interrupt() {
        state.withLock { state in
            guard let descriptor = state.descriptor else { return }
            shutdown(descriptor, Int32(SHUT_RDWR))
            state.isInterrupted = true
        }
    }
}
