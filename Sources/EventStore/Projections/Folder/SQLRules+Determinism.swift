/// A read table must equal a fold of the log, so nothing may come from anywhere else: no clock, no dice, no sequence, no session, no place on the
/// disk.
extension SQLRules {
    /// Functions whose result is not made from their arguments, and that the server calls stable: `SQLFile.checkReach` has it name the volatile ones.
    private static let forbiddenFunctions: Set<String> = [
        "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday", "age",
        "random", "random_normal", "setseed", "gen_random_uuid", "gen_random_bytes", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4",
        "nextval", "setval", "currval", "lastval",
        "current_setting", "set_config", "version", "current_user", "session_user", "current_schema", "current_schemas", "current_database",
        "current_query", "inet_client_addr", "inet_client_port",
        "inet_server_addr", "inet_server_port", "row_security_active", "getdatabaseencoding", "to_regclass",
        "query_to_xml", "table_to_xml", "schema_to_xml", "database_to_xml", "cursor_to_xml",
    ]
    /// The same without parentheses, column types that hide a sequence, columns that say where a row lies, and a choice of rows by chance.
    private static let forbiddenWords: Set<String> = [
        "current_timestamp", "current_time", "current_date", "localtime", "localtimestamp",
        "current_user", "session_user", "user", "current_role", "current_schema", "current_catalog",
        "serial", "bigserial", "smallserial", "serial2", "serial4", "serial8",
        "tablesample",
    ]
    /// PostgreSQL has these in every table, quoted or not, and no other column may be named so.
    private static let systemColumns: Set<String> = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]
    /// Words that PostgreSQL's date types read from the clock, wherever they stand in a literal.
    private static let clockWords: Set<String> = ["now", "today", "tomorrow", "yesterday"]

    /// Refuses what would make a row depend on more than the log.
    static func checkDeterminism(of file: SQLFile) throws(ReadModelError) {
        let texts = file.tokens.map { file.text(of: $0) } + ["", ""]
        for (index, token) in file.tokens.enumerated() {
            let before = index > 0 ? texts[index - 1] : ""
            switch token.kind {
            case .word, .quotedName:
                let name = texts[index].trimmingQuotes
                let isCall = texts[index + 1] == "("
                let isWord = token.kind == .word && before != "." && forbiddenWords.contains(name)
                let isIdentity = name == "identity" && before == "as" && index > 1 && ["always", "default"].contains(texts[index - 2])
                let isOfServer = name.hasPrefix("pg_") && !(name == "pg_catalog" && texts[index + 1] == ".") || (isCall && name.hasPrefix("txid_"))
                guard !isWord, !isIdentity, !isOfServer, !systemColumns.contains(name), !(isCall && forbiddenFunctions.contains(name)) else {
                    throw file.refusal(at: token, "\(name) is not allowed: a read model is made from the log alone")
                }
                try checkNoEscapes(after: index, in: file)
            case .literal:
                let isContinued = index > 0 && file.tokens[index - 1].kind == .literal
                try checkLiteral(token, texts[index], isContinued: isContinued, in: file)
            case .positional: throw file.refusal(at: token, "\(texts[index]) is not allowed: parameters are named, as in :stream")
            case .parameter, .semicolon, .symbol: break
            }
        }
    }

    /// Literals and names may spell what is refused in more ways than one; the ways that hide it are refused.
    private static func checkLiteral(_ token: SQLToken, _ text: String, isContinued: Bool, in file: SQLFile) throws(ReadModelError) {
        // Two literals on two lines are one to PostgreSQL.
        if isContinued { throw file.refusal(at: token, "\(text) goes on with the literal before it: write one") }
        let words = text.lowercased().split { !$0.isLetter }
        guard !words.contains(where: { clockWords.contains(String($0)) }) else {
            throw file.refusal(at: token, "\(text) reads the clock: a read model is made from the log alone")
        }
        if text.lowercased().hasPrefix("e'"), text.contains("\\") {
            throw file.refusal(at: token, "\(text) has escapes: write the characters themselves")
        }
    }

    /// Refuses `U&'…'` and `U&"…"`.
    private static func checkNoEscapes(after index: Int, in file: SQLFile) throws(ReadModelError) {
        guard index + 2 < file.tokens.count else { return }
        let (word, sign, quoted) = (file.tokens[index], file.tokens[index + 1], file.tokens[index + 2])
        guard file.text(of: word) == "u", file.text(of: sign) == "&", word.range.upperBound == sign.range.lowerBound else { return }
        guard quoted.kind == .literal || quoted.kind == .quotedName, sign.range.upperBound == quoted.range.lowerBound else { return }
        throw file.refusal(at: word, "U& has escapes: write the characters themselves")
    }
}
