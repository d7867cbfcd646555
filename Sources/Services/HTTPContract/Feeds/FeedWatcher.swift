import EventSourcing
import Synchronization

/// Why a feed ends, as its last event says.
package enum FeedEnding: String, Sendable {
    /// The reader has not kept up.
    case slowReader = "slow_reader"
    /// The server stops, or one before it. The reader can connect again at once.
    case shutdown
    /// The log was restored to an earlier state, or is another one.
    case logRewritten = "log_rewritten"
    /// The reader's token has expired or was revoked.
    case signedOut = "signed_out"
    /// The log, or what shows it, can't be read at the moment.
    case unavailable
    /// The reader has gone: nobody is told.
    case gone
}

/// Where a watcher begins.
package enum FeedStart: Sendable {
    /// With what is appended after this position, the log's last.
    case live(after: Int64)
    /// After a position in history, up to the log's last and on.
    case resume(after: Int64, head: Int64)
    /// Too far back to be replayed: after this position, the log's last, and the first event says so.
    case reset(to: Int64)

    var position: Int64 {
        switch self {
        case .live(let position), .resume(let position, _), .reset(let position): position
        }
    }
}

/// One reader of a feed.
final class FeedWatcher: Sendable {
    private let signal = Signal()
    private let firstEnding = Mutex<FeedEnding?>(nil)

    /// Why it ends; nil while it goes on.
    var ending: FeedEnding? { firstEnding.withLock { $0 } }

    /// There may be something for it.
    func wake() { signal.raise() }

    /// Ends it, unless it has another reason already.
    func end(_ ending: FeedEnding) {
        firstEnding.withLock { $0 = $0 ?? ending }
        wake()
    }

    func wait() async throws { try await signal.wait() }
}
