import Logging
import Postgres

/// How a database's settings, rights and tables are, by its own word. One read of the catalogs for each question, as the database's owner.
struct StoredHealth {
    /// Whether a service has a right, and whether it should: the table of docs/identity.md, by one right that stands for each of its cells.
    private static let rights: [(database: String, role: String, object: String, right: String, isMeant: Bool)] = [
        ("log", "annals_commands", "log.events", "SELECT", true), ("log", "annals_commands", "log.events", "INSERT", false),
        ("log", "annals_projector", "log.events", "SELECT", true), ("log", "annals_projector", "log.events", "UPDATE", false),
        ("log", "annals_auth", "log.events", "SELECT", true), ("log", "annals_auth", "log.events", "DELETE", false),
        ("log", "annals_relay", "log.events", "SELECT", true), ("log", "annals_relay", "log.events", "INSERT", false),
        ("read", "annals_queries", "annals.checkpoints", "SELECT", true), ("read", "annals_queries", "annals.checkpoints", "UPDATE", false),
        ("read", "annals_projector", "annals.checkpoints", "UPDATE", true),
        ("identity", "annals_auth", "identity.credentials", "SELECT", true), ("vault", "annals_commands", "vault.data_keys", "INSERT", true),
        ("vault", "annals_commands", "vault.data_keys", "DELETE", false), ("vault", "annals_projector", "vault.data_keys", "SELECT", true),
        ("vault", "annals_projector", "vault.data_keys", "INSERT", false),
    ]
    /// Settings that every session of Annals sets for itself, and what they must be.
    private static let promises = [
        "synchronous_commit", "default_transaction_isolation", "default_transaction_read_only", "session_replication_role",
    ]

    let name: String
    let pool: ConnectionPool

    func findings() async throws -> [Finding] { try await rights() + settings() + tables() + indexes() }

    private func rights() async throws -> [Finding] {
        let own = Self.rights.filter { $0.database == name }
        let rows = try await pool.query(
            .heldRights, [.texts(own.map(\.role)), .texts(own.map(\.object)), .texts(own.map(\.right))])
        var wrong: [Finding] = []
        for (right, row) in zip(own, rows) {
            let (isRole, isObject, isHeld): (Bool, Bool, Bool?) = (try row.get(0), try row.get(1), try row.get(2))
            if isHeld == right.isMeant { continue }
            let finding =
                if !isRole {
                    Finding(
                        "rights", name, .broken, "the role \(right.role) is not there", remedy: "annals migrate makes it and gives it its rights")
                } else if !isObject {
                    Finding("rights", name, .broken, "the table \(right.object) is not there", remedy: "restore it; nothing makes it anew")
                } else if right.isMeant {
                    Finding(
                        "rights", name, .broken, "\(right.role) lacks \(right.right) on \(right.object)",
                        remedy: "annals migrate gives the services' roles their rights again")
                } else {
                    // A migration takes no right of a role's own away.
                    Finding(
                        "rights", name, .broken, "\(right.role) has \(right.right) on \(right.object)",
                        remedy: "run REVOKE \(right.right) ON \(right.object) FROM \(right.role), "
                            + "and the same for the role or for PUBLIC where it has it from there")
                }
            // A role that is gone lacks each right.
            if !wrong.contains(finding) { wrong.append(finding) }
        }
        return wrong.isEmpty ? [Finding("rights", name, .fine, "the services' roles have their rights and no more")] : wrong
    }

    private func settings() async throws -> [Finding] {
        let rows = try await pool.query(.defaults, [.texts(Self.promises)])
        let wanted = [
            "synchronous_commit": ["on", "remote_apply", "remote_write"], "default_transaction_isolation": ["read committed"],
            "default_transaction_read_only": ["off"], "session_replication_role": ["origin"],
        ]
        return try rows.map { row in
            let (setting, value): (String, String) = (try row.get(0), try row.get(1))
            guard let good = wanted[setting], !good.contains(value) else { return Finding("settings", name, .fine, "\(setting) is \(value)") }
            return Finding(
                "settings", name, .note, "\(setting) is \(value) by default; every session of Annals sets it to \(good[0])",
                remedy: "set it to \(good[0]) for other programs' sessions, and behind a pooler")
        }
    }

    private func tables() async throws -> [Finding] {
        var findings: [Finding] = []
        for row in try await pool.query(.bloatedTables) {
            let (table, dead, live): (String, Int64, Int64) = (try row.get(0), try row.get(1), try row.get(2))
            findings.append(
                Finding(
                    "vacuum", name, .warning, "\(table) has \(dead) dead rows beside \(live)",
                    remedy: "find the transaction that keeps vacuum from them in pg_stat_activity, or run VACUUM \(table)"))
        }
        for row in try await pool.query(.vacuumState) {
            let (isOn, age): (Bool, Int64) = (try row.get(0), try row.get(1))
            if !isOn { findings.append(Finding("vacuum", name, .warning, "autovacuum is off", remedy: "set it to on and reload the server")) }
            if age > 1_000_000_000 {
                findings.append(
                    Finding(
                        "vacuum", name, .warning, "the oldest transaction id is \(age) transactions old", remedy: "run VACUUM FREEZE on the database")
                )
            }
        }
        return findings.isEmpty ? [Finding("vacuum", name, .fine, "tables are vacuumed")] : findings
    }

    private func indexes() async throws -> [Finding] {
        var findings: [Finding] = []
        for row in try await pool.query(.idleIndexes) {
            let (index, isValid, size): (String, Bool, String) = (try row.get(0), try row.get(1), try row.get(2))
            findings.append(
                isValid
                    ? Finding("indexes", name, .note, "\(index) (\(size)) has not been used since the statistics began")
                    : Finding("indexes", name, .warning, "\(index) is not valid, so it costs and helps nothing", remedy: "run REINDEX INDEX \(index)")
            )
        }
        return findings.isEmpty ? [Finding("indexes", name, .fine, "are valid and in use")] : findings
    }
}

extension Statement {
    fileprivate static let heldRights = Statement(
        "doctor_rights",
        """
        SELECT to_regrole(role) IS NOT NULL, to_regclass(object) IS NOT NULL, CASE
            WHEN to_regrole(role) IS NULL OR to_regclass(object) IS NULL THEN NULL
            ELSE has_table_privilege(to_regrole(role), to_regclass(object), held)
        END
        FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (role, object, held, number)
        ORDER BY number
        """)

    fileprivate static let defaults = Statement(
        "doctor_settings", "SELECT name, coalesce(reset_val, setting) FROM pg_settings WHERE name = ANY ($1) ORDER BY name")

    fileprivate static let bloatedTables = Statement(
        "doctor_bloat",
        """
        SELECT schemaname || '.' || relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables
        WHERE n_dead_tup > 50000 AND n_dead_tup > n_live_tup / 2 ORDER BY n_dead_tup DESC LIMIT 10
        """)

    fileprivate static let vacuumState = Statement(
        "doctor_vacuum",
        "SELECT current_setting('autovacuum') = 'on', age(datfrozenxid)::bigint FROM pg_database WHERE datname = current_database()")

    /// Indexes that are broken, and those of over 64 MiB that no query has used, keys left out.
    fileprivate static let idleIndexes = Statement(
        "doctor_indexes",
        """
        SELECT stat.schemaname || '.' || stat.indexrelname, index.indisvalid, pg_size_pretty(pg_relation_size(stat.indexrelid))
        FROM pg_stat_user_indexes AS stat JOIN pg_index AS index USING (indexrelid)
        WHERE NOT index.indisvalid OR stat.idx_scan = 0 AND NOT index.indisunique AND pg_relation_size(stat.indexrelid) > 64 << 20
        ORDER BY 1
        """)
}
