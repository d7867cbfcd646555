import EventSourcing
import Logging
import Postgres

/// Tells other processes that the log has grown.
///
/// NOTIFY takes a lock of the whole cluster at commit, so it has its own transaction, one at a time, without waiting for the disk. The next one
/// covers appends made meanwhile.
final class CommitNotifier: Sendable {

    private let pool: ConnectionPool
    private let logger: Logger
    private let announced = Watermark()

    init(_ pool: ConnectionPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// Notes that the log has grown to here; returns at once.
    func announce(_ position: Int64) { announced.advance(to: position) }

    /// Sends notifications until cancelled. What could not be sent is sent again, a moment later.
    func run() async throws {
        var backoff = Backoff(from: .milliseconds(50), to: .seconds(1))
        var notified: Int64 = 0
        while true {
            try await announced.wait(for: notified + 1)
            let position = announced.position
            do {
                try await pool.atomically([Query(.dontWaitForDisk), Query(.notify, [.text(HeadWatch.channel), .text(String(position))])])
                notified = position
                backoff.reset()
            } catch {
                guard error.isTransient else { throw error }
                // Readers poll as well: a wake-up that is late costs them a second at most.
                logger.debug("a notification was not sent", metadata: ["error": "\(error)"])
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}

extension Statement {
    fileprivate static let dontWaitForDisk = Statement("log_dont_wait_for_disk", "SELECT set_config('synchronous_commit', 'off', true)")

    fileprivate static let notify = Statement("log_notify", "SELECT pg_notify($1, $2)")
}
