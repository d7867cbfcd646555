import Postgres

extension SQLFile {
    /// Has the server say what it alone knows of SQL that it has parsed in this transaction: whether tables of others are named, and whether
    /// functions are called whose result is not made from their arguments. Throws `ReadModelError`.
    ///
    /// Each table that is named is locked until the transaction ends, in whatever form it was named. The schemas of the read database's own tables
    /// are refused by the text.
    func checkReach(in session: Session) async throws {
        let answers = try await session.pipelined([Query(.foreignRelations, []), Query(.volatileFunctions, [.texts(calls.sorted())])])
        if let row = answers[0].first {
            let (schema, relation): (String, String) = (try row.get(0), try row.get(1))
            let reason = "\(schema).\(relation) is not one of its tables: a read model touches and reads no others"
            throw tokens.first { text(of: $0).trimmingQuotes == schema }.map { refusal(at: $0, reason) } ?? refusal(reason)
        }
        if let row = answers[1].first {
            let name: String = try row.get(0)
            let reason = "\(name) is not allowed: a read model is made from the log alone"
            throw tokens.first { text(of: $0).trimmingQuotes == name }.map { refusal(at: $0, reason) } ?? refusal(reason)
        }
    }

    /// Names that a parenthesis follows.
    private var calls: Set<String> {
        Set(
            zip(tokens, tokens.dropFirst()).filter { name, next in
                (name.kind == .word || name.kind == .quotedName) && text(of: next) == "("
            }.map { text(of: $0.0).trimmingQuotes })
    }
}

extension Statement {
    fileprivate static let foreignRelations = Statement(
        "foreign_relations",
        """
        SELECT n.nspname::text, c.relname::text
        FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'annals') AND n.nspname <> current_schema()
        ORDER BY 1, 2
        """)
    fileprivate static let volatileFunctions = Statement(
        "volatile_functions",
        """
        SELECT proname::text FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v' AND proname = ANY ($1) ORDER BY 1
        """)
}
