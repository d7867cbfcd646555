import Logging
import Postgres

/// The settings that each session pins for itself elsewhere (see `ConnectionTarget.setupQueries`), set on the services' roles: behind a pooler in
/// transaction mode a session is not ours to set. A setting of a role in a database goes before one of the role or of the database.
struct RolePins {
    /// Which services log in to which database.
    private static let services = [
        "log": ["annals_commands", "annals_projector", "annals_auth"], "read": ["annals_queries", "annals_projector"], "identity": ["annals_auth"],
        "vault": ["annals_commands", "annals_projector", "annals_auth"],
    ]

    let name: String
    let target: ConnectionTarget
    let logger: Logger

    /// The services that log in to this database.
    var services: [String] { Self.services[name] ?? [] }

    /// Sets what is not set yet, and has each role show that it is in force. Throws a `Failure` with the statement that a superuser must run.
    func settle(_ roles: [String]) async throws {
        for role in roles {
            guard try await !isInForce(for: role) else { continue }
            try await set(for: role)
            guard try await isInForce(for: role) else {
                throw Failure(
                    "the \(name) database: the pooler still has sessions of \(role) from before a setting: RECONNECT in its console, then start again"
                )
            }
        }
    }

    private func isInForce(for role: String) async throws -> Bool {
        try await ConnectionPool.withPool(target.acting(as: role), logger: logger) { pool in
            try await pool.query(.promises).first?.get(0) == true
        }
    }

    private func set(for role: String) async throws {
        let database = target.database
        let place = "ALTER ROLE \"\(role)\" IN DATABASE \"\(database)\" SET"
        let statements = [
            "\(place) default_transaction_isolation = 'read committed'", "\(place) default_transaction_read_only = off",
            "\(place) synchronous_commit = on", "\(place) TimeZone = 'UTC'",
        ].joined(separator: "; ")
        do {
            // The setting that is to be overruled may keep this very transaction from writing.
            let script = "SET TRANSACTION READ WRITE; \(statements)"
            try await ConnectionPool.withPool(target, logger: logger) { pool in try await pool.withSession { try await $0.execute(script: script) } }
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            throw Failure(
                "the \(name) database: settings of \(role) break what the log promises, and \(target.user) may not set them; "
                    + "a superuser must run: \(statements)")
        }
    }
}

extension Statement {
    fileprivate static let promises = Statement(
        "promises_in_force",
        """
        SELECT current_setting('default_transaction_isolation') = 'read committed' AND current_setting('default_transaction_read_only') = 'off'
            AND current_setting('synchronous_commit') NOT IN ('off', 'local') AND current_setting('TimeZone') = 'UTC'
        """)
}
