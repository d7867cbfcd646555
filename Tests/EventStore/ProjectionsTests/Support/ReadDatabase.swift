import Logging
import Postgres

/// A migrated read database of a test's own.
struct ReadDatabase: Sendable {
    let target: ConnectionTarget
    /// As the owner.
    let pool: ConnectionPool

    /// Rows in the form `(a,b)`, one a line.
    func rows(_ sql: String) async throws -> [String] {
        try await pool.query(Statement("rows", "SELECT row::text FROM (\(sql)) AS row")).map { try $0.get(0) }
    }

    /// The first column, a text.
    func lines(_ sql: String) async throws -> [String] {
        try await pool.query(Statement("lines", sql)).map { try $0.get(0) }
    }

    func run(_ sql: String) async throws {
        try await pool.withSession { try await $0.execute(script: sql) }
    }

    /// SQL after which leases last for an hour: no machine is too slow to renew one in time.
    static let lengthening =
        "CREATE OR REPLACE FUNCTION annals.lease_duration() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '1 hour' $$"

    func lengthenLeases() async throws { try await run(Self.lengthening) }

    /// Every row of every table of the read models, with its table's name, in an order of its own.
    func everything() async throws -> [String] {
        var all: [String] = []
        for table in [
            "posts.post", "posts.author_count", "posts.published_count", "users.account", "users.account_count", "view_counts.total",
            "view_counts.hourly", "trending.bucket",
        ] {
            all += try await rows("SELECT '\(table)', t FROM \(table) AS t ORDER BY t")
        }
        return all
    }
}

extension Logger {
    static var silent: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}
