extension ConnectionTarget {
    /// The settings of every session. Through a pooler in transaction mode they stand on the role (`DatabaseRequirements`).
    static let pinnedSettings = [("default_transaction_isolation", "read committed"), ("default_transaction_read_only", "off")]

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
        var queries: [Query] = []
        func set(_ name: String, _ value: String) { queries.append(Query(.setConfiguration, [.text(name), .text(value)])) }
        // The role last: after SET ROLE a setting may be forbidden.
        // A database or a role may have other defaults. What the program promises rests on these.
        for (name, value) in Self.pinnedSettings { set(name, value) }
        if let statementTimeout { set("statement_timeout", "\(statementTimeout.milliseconds)") }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { set(name, value) }
        if needsRole, let role { set("role", role) }
        return queries
    }
}

extension Statement {
    fileprivate static let setConfiguration = Statement("set_config", "SELECT set_config($1, $2, false)")
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
