import Logging
import Postgres

/// Transactions that go on for long and hold tables of a read model: a swap that asked for its locks now would only hold up everybody else.
struct OldReaders {
    private static let longestPause = Duration.seconds(5)

    let model: String
    let pool: ConnectionPool
    let logger: Logger

    /// Returns once those that are there now have ended, however long that takes. Later ones are not waited for. Holds nothing meanwhile.
    func waitUntilGone() async throws {
        var readers = try await holders()
        var pause = Duration.milliseconds(50)
        var isTold = false
        while !readers.isEmpty {
            try await Task.sleep(for: pause)
            readers.formIntersection(try await holders())
            // Queries of some milliseconds are no news.
            if !isTold, !readers.isEmpty, pause >= .milliseconds(400) {
                logger.notice(
                    "waiting for old transactions to let go of the tables", metadata: ["model": "\(model)", "transactions": "\(readers.count)"])
                isTold = true
            }
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// By process and transaction, not by their age: that is shown to members of their role alone.
    private func holders() async throws -> Set<String> {
        Set(try await pool.query(.holders, [.text(model)]).map { try $0.get(0, as: String.self) })
    }
}

extension Statement {
    fileprivate static let holders = Statement(
        "holders",
        """
        SELECT DISTINCT concat_ws(' ', l.pid, l.virtualtransaction)
        FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND n.nspname = $1 AND c.relkind IN ('r', 'p')
        """)
}
