import EventSourcing
import FoundationEssentials
package import Logging
package import Postgres

/// Removes receipts that are older than a day: a repeat of a command is known for that long, and is a new command after.
///
/// It goes through the table from end to end once an hour, a piece at a time: see `migrations/log/0001_log.sql` for why there is no index to help.
/// Any number of processes may do it at once.
package struct ReceiptPruning: Sendable {
    /// Between two walks, give or take half of it, so that processes started together don't stay in step.
    private static let interval = Duration.seconds(3600)
    /// Between two pieces: at one mebibyte a piece no more than a small share of what a disk can do.
    private static let breath = Duration.milliseconds(50)

    private let pool: ConnectionPool
    private let clock: any Clock<Duration>
    private let logger: Logger

    /// - Parameter pool: connections in the commands' role.
    package init(_ pool: ConnectionPool, clock: any Clock<Duration> = ContinuousClock(), logger: Logger) {
        self.pool = pool
        self.clock = clock
        self.logger = logger
    }

    /// Prunes now and then until cancelled. A database that is away is left for the next time, and so is one that refuses, which is told once.
    package func run() async throws {
        // Not at once: a program that is started again and again would do nothing else.
        try await clock.sleep(for: Self.interval * Double.random(in: 0...0.5))
        var told: String?
        while true {
            do {
                try await prune()
                told = nil
            } catch let error as PostgresError where error.kind != .cancelled {
                let isNew = !error.isTransient && told != error.description
                logger.log(
                    level: isNew ? .error : .info, "old receipts could not be removed",
                    metadata: ["statement": "\(error.statementName ?? "none")", "error": "\(error)"])
                if isNew { told = error.description }
            }
            try await clock.sleep(for: Self.interval * Double.random(in: 0.5...1.5))
        }
    }

    /// One walk through all receipts. Returns how many were removed.
    @discardableResult
    package func prune() async throws -> Int {
        var removed = 0
        var block: Int64? = 0
        while let first = block {
            guard let row = try await pool.query(.pruneReceipts, [.int8(first)]).first else { break }
            removed += Int(try row.get(0, as: Int32.self))
            block = try row.get(1)
            if block != nil { try await clock.sleep(for: Self.breath) }
        }
        logger.debug("old receipts are removed", metadata: ["receipts": "\(removed)"])
        return removed
    }
}

extension Statement {
    fileprivate static let pruneReceipts = Statement(
        "log_prune_receipts", "SELECT removed, next_block FROM log.prune_receipts(interval '24 hours', $1)")
}
