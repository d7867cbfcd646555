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
    func setupQueries(statementTimeout: Duration?) -> [Query] {
        var queries: [Query] = []
        func set(_ name: String, _ value: String) { queries.append(Query(.setConfiguration, [.text(name), .text(value)])) }
        // The timeouts first: after SET ROLE a setting may be forbidden.
        if let statementTimeout { set("statement_timeout", "\(statementTimeout.milliseconds)") }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { set(name, value) }
        if let role { set("role", role) }
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
