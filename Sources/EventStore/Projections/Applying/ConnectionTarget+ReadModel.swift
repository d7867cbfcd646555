import Postgres

extension ConnectionTarget {
    /// The projector's role, in the model's own schema, and nothing in the session that could change what a statement means.
    func forReadModel(_ schema: String) -> ConnectionTarget {
        var target = self
        target.role = "annals_projector"
        target.applicationName = "annals projector \(schema)"
        target.settings["search_path"] = schema
        target.settings["TimeZone"] = "UTC"
        target.settings["idle_in_transaction_session_timeout"] = "3s"
        // Statements touch rows by their keys. A plan that was made while the tables were small, and is kept, must not read them whole when they have
        // grown.
        for method in ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"] { target.settings[method] = "off" }
        // A table that has to be read whole all the same is priced so high by this that the server would compile the query.
        target.settings["jit"] = "off"
        return target
    }
}

extension PoolLimits {
    /// For a projector: one connection applies; another may be needed while the first is being replaced.
    static var projector: PoolLimits {
        var limits = PoolLimits()
        limits.maximumConnections = 2
        limits.multiplexedConnections = 1
        return limits
    }
}
