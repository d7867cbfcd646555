import Glibc
import Synchronization

/// The socket of a connection while it is open. Another thread can end a call that waits on it.
final class InterruptibleSocket: Sendable {
    private let descriptor = Mutex<Int32?>(nil)

    func opened(_ number: Int32) { descriptor.withLock { $0 = number } }

    func closed() { descriptor.withLock { $0 = nil } }

    /// Ends the connection. Its calls fail from here on.
    func interrupt() {
        descriptor.withLock { number in
            if let number { shutdown(number, Int32(SHUT_RDWR)) }
        }
    }
}
