import Logging
import Postgres
import Synchronization

/// Tells other processes that the log has grown.
///
/// NOTIFY takes a lock of the whole cluster at commit, so it never rides on an append: one small transaction of its own at a time, not waiting for the disk, and
/// whatever was appended meanwhile is told by the next.
final class CommitNotifier: Sendable {
    private struct State {
        var announced: Int64 = 0
        var notified: Int64 = 0
        var idle: CheckedContinuation<Void, Never>?
    }

    private static let firstPause = Duration.milliseconds(20)

    private let pool: ConnectionPool
    private let logger: Logger
    private let state = Mutex(State())

    init(_ pool: ConnectionPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// Notes that the log has grown to here; returns at once.
    func announce(_ position: Int64) {
        let idle = state.withLock { state in
            state.announced = max(state.announced, position)
            defer { state.idle = nil }
            return state.idle
        }
        idle?.resume()
    }

    /// Sends notifications until cancelled. What could not be sent is sent again, a moment later.
    func run() async throws {
        var pause = Self.firstPause
        while !Task.isCancelled {
            await waitForAnnouncement()
            let position = state.withLock { $0.announced }
            do {
                try await pool.atomically([Query(.dontWaitForDisk), Query(.notify, [.text(HeadWatch.channel), .text(String(position))])])
                state.withLock { $0.notified = max($0.notified, position) }
                pause = Self.firstPause
            } catch {
                guard error.isTransient else { throw error }
                // Readers poll as well: a wake-up that is late costs them a second at most.
                logger.debug("a notification was not sent", metadata: ["error": "\(error)"])
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    private func waitForAnnouncement() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.announced > state.notified || Task.isCancelled { return true }
                    state.idle = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let idle = state.withLock { state in
                defer { state.idle = nil }
                return state.idle
            }
            idle?.resume()
        }
    }
}

extension Statement {
    fileprivate static let dontWaitForDisk = Statement("log_dont_wait_for_disk", "SELECT set_config('synchronous_commit', 'off', true)")

    fileprivate static let notify = Statement("log_notify", "SELECT pg_notify($1, $2)")
}
