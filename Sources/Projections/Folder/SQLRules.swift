/// What SQL a read model may hold. A read table must equal a fold of the log, so nothing may come from anywhere else: no clock, no dice, no sequence, no session.
enum SQLRules {
    /// Functions whose result is not made from their arguments.
    private static let forbiddenFunctions: Set<String> = [
        "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday", "age", "pg_sleep",
        "random", "random_normal", "setseed", "gen_random_uuid", "gen_random_bytes", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4",
        "nextval", "setval", "currval", "lastval",
        "current_setting", "set_config", "txid_current", "pg_current_xact_id", "pg_backend_pid", "inet_client_addr", "pg_notify", "version",
    ]
    /// The same without parentheses, and column types that hide a sequence.
    private static let forbiddenWords: Set<String> = [
        "current_timestamp", "current_time", "current_date", "localtime", "localtimestamp", "current_user", "session_user",
        "serial", "bigserial", "smallserial", "serial2", "serial4", "serial8", "identity",
    ]
    /// Literals that PostgreSQL's date types read from the clock.
    private static let clockLiterals: Set<String> = ["'now'", "'today'", "'tomorrow'", "'yesterday'"]

    /// Refuses what would make a row depend on more than the log.
    static func checkDeterminism(of file: SQLFile) throws(ReadModelError) {
        for (index, token) in file.tokens.enumerated() {
            let text = file.text(of: token)
            switch token.kind {
            case .word, .quotedName:
                let name = text.trimming("\"")
                let isCall = index + 1 < file.tokens.count && file.text(of: file.tokens[index + 1]) == "("
                guard !(isCall && forbiddenFunctions.contains(name)), !(token.kind == .word && forbiddenWords.contains(name)) else {
                    throw file.refusal(at: token, "\(name) is not allowed: a read model is made from the log alone")
                }
            case .literal:
                guard !clockLiterals.contains(text.lowercased()) else {
                    throw file.refusal(at: token, "\(text) reads the clock: a read model is made from the log alone")
                }
            case .positional: throw file.refusal(at: token, "\(text) is not allowed: parameters are named, as in :stream")
            case .parameter, .semicolon, .symbol: break
            }
        }
    }

    /// Refuses everything but definitions in `table.sql` and `indexes.sql`, and unique constraints other than the key.
    static func checkDefinitions(in file: SQLFile) throws(ReadModelError) {
        for statement in file.statements {
            guard let first = statement.first else { continue }
            guard ["create", "comment", "alter"].contains(file.text(of: first)) else {
                throw file.refusal(at: first, "only CREATE, ALTER and COMMENT may stand here, not \(file.text(of: first))")
            }
        }
        for token in file.tokens {
            switch (token.kind, file.text(of: token)) {
            case (.parameter, let text): throw file.refusal(at: token, "\(text) has no value here: only events have parameters")
            case (.word, "unique"):
                throw file.refusal(at: token, "a read table has no unique constraint but its key: values pass from row to row while it is rebuilt")
            case (.word, "concurrently"): throw file.refusal(at: token, "CONCURRENTLY can not run in the transaction that makes the tables")
            default: break
            }
        }
    }

    /// Refuses tables that are named with the model's own schema: a rebuild makes them in another one.
    static func checkNames(in file: SQLFile, of model: String, alsoAfter words: Set<String> = []) throws(ReadModelError) {
        let introducing = words.union(["into", "update", "from", "join", "using", "only"])
        for (before, index) in zip(file.tokens, file.tokens.indices.dropFirst()) where index + 1 < file.tokens.count {
            let token = file.tokens[index]
            guard introducing.contains(file.text(of: before)), file.text(of: token).trimming("\"") == model else { continue }
            guard file.text(of: file.tokens[index + 1]) == "." else { continue }
            throw file.refusal(at: token, "\(model). is not allowed: a rebuild makes the tables in another schema, so they are named without it")
        }
    }

    /// Refuses everything but one statement that changes rows.
    static func checkStatement(in file: SQLFile) throws(ReadModelError) {
        let statements = file.statements
        guard let first = statements.first?.first else { throw file.refusal("the file holds no statement") }
        if statements.count > 1, let second = statements[1].first {
            throw file.refusal(at: second, "a second statement: there may be one for each event type")
        }
        guard ["insert", "update", "delete", "merge", "with"].contains(file.text(of: first)) else {
            throw file.refusal(at: first, "the statement must be an INSERT, UPDATE, DELETE or MERGE, not \(file.text(of: first))")
        }
    }
}

extension String {
    fileprivate func trimming(_ character: Character) -> String {
        String(drop { $0 == character }.reversed().drop { $0 == character }.reversed())
    }
}
