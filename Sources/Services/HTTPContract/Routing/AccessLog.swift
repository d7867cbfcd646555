import NIOCore
import Synchronization

/// How many lines the access log of this process gets. So many a second are written; of the calls beyond them every hundredth is, as one that stands
/// for a hundred. A busy system then writes about as much as a quiet one.
package enum AccessLog {
    /// How many calls a line stands for, when not all are written.
    static let share = 100

    private struct Window {
        var limit = 100
        var second: Int64 = 0
        var written = 0
        var passedOver = 0
    }

    private static let window = Mutex(Window())

    /// The lines of a second; 0 for none.
    package static func limit(to lines: Int) { window.withLock { $0.limit = lines } }

    /// How many calls the next line stands for; nil when this call gets none.
    static func admit(at time: NIODeadline = .now()) -> Int? {
        window.withLock { window in
            guard window.limit > 0 else { return nil }
            let second = Int64(time.uptimeNanoseconds / 1_000_000_000)
            if second != window.second { (window.second, window.written) = (second, 0) }
            if window.written < window.limit {
                window.written += 1
                return 1
            }
            window.passedOver += 1
            guard window.passedOver >= share else { return nil }
            window.passedOver = 0
            return share
        }
    }
}
