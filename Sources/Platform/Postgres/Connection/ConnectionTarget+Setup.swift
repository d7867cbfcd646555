extension ConnectionTarget {
    /// Everything for `PQconnectStartParams`.
    var connectKeywords: [String: String] {
        var all = keywords
        all["client_encoding"] = "UTF8"
        all["application_name"] = applicationName
        // A peer that vanished without a word is noticed within a minute.
        for (key, value) in ["keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"] where all[key] == nil {
            all[key] = value
        }
        return all
    }

    /// Sent as one group once connected. `set_config` takes names and values as parameters, so nothing needs quoting.
    ///
    /// Nothing for a session that is not kept. Throws `.configuration` when such a one would need a role or a setting: to do without would give it
    /// other rights.
    func setupQueries(statementTimeout: Duration?) throws(PostgresError) -> [Query] {
        let needsRole = role != nil && role != user
        if pooling == .transaction {
            guard !needsRole else { throw PostgresError(.configuration, "through a pooler in transaction mode the login must be the role itself") }
            guard settings.isEmpty else { throw PostgresError(.configuration, "through a pooler in transaction mode settings belong on the role") }
            return []
        }
        var queries = [Query(.pinSession)]
        func set(_ name: String, _ value: String) { queries.append(Query(.setConfiguration, [.text(name), .text(value)])) }
        // The timeout first: after SET ROLE a setting may be forbidden.
        set("statement_timeout", "\(statementTimeout?.milliseconds ?? 0)")
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { set(name, value) }
        if needsRole, let role { set("role", role) }
        return queries
    }
}

/// The promises of a session do not depend on what was set for the database or the role. A commit that is acknowledged is on the disk, so `off` and
/// `local` become `on`; what waits for standbys is the operator's choice and stays. A statement sees what was committed before it, writes, reads times
/// in UTC, and ends only when this program wants it to. Triggers and foreign keys work. A setting that this server does not have is passed over.
private let wrongSettings = """
    FROM (VALUES
        ('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'), ('default_transaction_deferrable', 'off'),
        (
            'synchronous_commit',
            CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END
        ),
        ('session_replication_role', 'origin'),
        ('lock_timeout', '0'), ('transaction_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),
        ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'),
        ('standard_conforming_strings', 'on'), ('array_nulls', 'on'), ('search_path', '"$user", public')
    ) AS pinned (name, setting)
    WHERE current_setting(pinned.name, true) <> pinned.setting
    """

extension Statement {
    fileprivate static let pinSession = Statement("pin_session", "SELECT set_config(pinned.name, pinned.setting, false) \(wrongSettings)")

    /// The settings of this session that break a promise, each with the value that keeps it. For sessions that are not ours to set: their role is.
    package static let brokenPromises = Statement("broken_promises", "SELECT pinned.name, pinned.setting \(wrongSettings)")

    fileprivate static let setConfiguration = Statement("set_config", "SELECT set_config($1, $2, false)")
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
