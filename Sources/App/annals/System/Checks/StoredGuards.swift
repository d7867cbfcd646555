import Logging
import Postgres

/// The triggers by which the databases themselves refuse to change or remove what is there for ever. A start refuses where one is off or gone, and
/// `annals doctor` tells of each.
struct StoredGuards {
    private static let triggers = [
        "log": [("log.events", "events_are_append_only"), ("log.merkle_checkpoints", "checkpoints_are_append_only")],
        "vault": [("vault.data_keys", "destroyed_keys_stay"), ("vault.data_keys", "data_keys_stay")],
    ]

    let name: String
    let pool: ConnectionPool

    /// Throws a `Failure` that names what is off or gone.
    static func require(_ name: String, _ target: ConnectionTarget, logger: Logger) async throws {
        guard triggers[name] != nil else { return }
        let findings = try await ConnectionPool.withPool(target, logger: logger) { try await StoredGuards(name: name, pool: $0).findings() }
        if let broken = findings.first(where: { $0.grade == .broken }) { throw Failure("the \(name) database: \(broken.line)") }
    }

    /// None for a database that has no such triggers.
    func findings() async throws -> [Finding] {
        guard let triggers = Self.triggers[name] else { return [] }
        let rows = try await pool.query(.guards, [.texts(triggers.map { $0.0 }), .texts(triggers.map { $0.1 })])
        var findings: [Finding] = []
        for row in rows {
            let (table, trigger, isThere): (String, String, Bool) = (try row.get(0), try row.get(1), try row.get(2))
            let statement = "ALTER TABLE \(table) ENABLE ALWAYS TRIGGER \(trigger)"
            let migration = "migrations/\(name)/0001_\(name).sql"
            let check = name == "log" ? ", and annals audit verify tells whether anything was changed" : ""
            findings.append(
                Finding(
                    "append-only", name, .broken,
                    "\(isThere ? "off" : "gone") is the trigger \(trigger) of \(table), which keeps what is stored from being changed",
                    remedy: "the database's owner must run \(isThere ? statement : "its CREATE TRIGGER of \(migration), and \(statement)")\(check)"))
        }
        return findings.isEmpty ? [Finding("append-only", name, .fine, "the database refuses changes of what is stored for ever")] : findings
    }
}

extension Statement {
    /// Those that are not there, or not always on: a session may switch off the others for itself.
    fileprivate static let guards = Statement(
        "stored_guards",
        """
        SELECT wanted.relation, wanted.name, stored.tgname IS NOT NULL
        FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (relation, name, number)
        LEFT JOIN pg_trigger AS stored ON stored.tgrelid = to_regclass(wanted.relation) AND stored.tgname = wanted.name
        WHERE stored.tgenabled IS DISTINCT FROM 'A'
        ORDER BY number
        """)
}
