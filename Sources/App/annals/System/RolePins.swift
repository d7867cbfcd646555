import Logging
import Postgres

/// The settings that each session pins for itself elsewhere (see `ConnectionTarget.setupQueries`), set on the services' roles: behind a pooler in
/// transaction mode a session is not ours to set. A setting of a role in a database goes before one of the role or of the database. Only settings
/// that break a promise are set.
struct RolePins {
    /// Which services log in to which database.
    private static let services = [
        "log": ["annals_commands", "annals_projector", "annals_auth", "annals_relay"], "read": ["annals_queries", "annals_projector"],
        "identity": ["annals_auth"],
        "vault": ["annals_commands", "annals_projector", "annals_auth", "annals_relay"],
    ]

    let name: String
    let target: ConnectionTarget
    let statementTimeout: Duration?
    let logger: Logger

    /// The services that log in to this database.
    var services: [String] { Self.services[name] ?? [] }

    /// Sets what breaks a promise, and has each role show that nothing does any more. Throws a `Failure` with the statements for a superuser.
    func settle(_ roles: [String]) async throws {
        for role in roles {
            let broken = try await brokenPromises(of: role)
            if broken.isEmpty { continue }
            try await set(broken, for: role)
            guard try await brokenPromises(of: role).isEmpty else {
                throw Failure(
                    "the \(name) database: the pooler still has sessions of \(role) from before a setting: RECONNECT in its console, then start again"
                )
            }
        }
    }

    /// `[(name, value to set)]`
    private func brokenPromises(of role: String) async throws -> [(name: String, value: String)] {
        // The owner migrates, which takes its time. A service's statement may take as long as elsewhere.
        let tooShort = role == target.user ? Int64.max : statementTimeout.map { $0.components.seconds * 1000 - 1 } ?? .max
        return try await ConnectionPool.withPool(target.acting(as: role), logger: logger) { pool in
            let broken = try await pool.query(.brokenPromises).map { (name: try $0.get(0, as: String.self), value: try $0.get(1, as: String.self)) }
            let short = try await pool.query(.shortStatementTimeout, [.int8(tooShort)])
            return short.count == 0 ? broken : broken + [(name: "statement_timeout", value: "0")]
        }
    }

    private func set(_ settings: [(name: String, value: String)], for role: String) async throws {
        let place = "ALTER ROLE \"\(role)\" IN DATABASE \"\(target.database)\" SET"
        // The path is a list of names, not one.
        let statements = settings.map { "\(place) \($0.name) = \($0.name == "search_path" ? $0.value : "'\($0.value)'")" }.joined(separator: "; ")
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
    fileprivate static let shortStatementTimeout = Statement(
        "short_statement_timeout", "SELECT FROM pg_settings WHERE name = 'statement_timeout' AND setting::bigint BETWEEN 1 AND $1")
}
