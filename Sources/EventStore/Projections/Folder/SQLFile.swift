import Postgres

/// One SQL file of a read model, split into tokens and statements.
struct SQLFile {
    /// From the folder of all read models: `posts/table.sql`.
    let path: String
    let text: String
    let tokens: [SQLToken]
    /// The directives after `-- annals:` on lines of their own, with line numbers; lines may end with CRLF. Asked for with each batch of events.
    let declarations: [(word: String, line: Int)]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        tokens = SQLScanner.tokens(of: text)
        declarations = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap { index, line in
            let line = line.filter { !$0.isWhitespace }
            return line.hasPrefix(Self.declaring) ? (String(line.dropFirst(Self.declaring.count)), index + 1) : nil
        }
    }

    /// The tokens of each statement, without the semicolons between them.
    var statements: [ArraySlice<SQLToken>] { tokens.split { $0.kind == .semicolon } }

    /// The token's text; names and key words without quotes in lower case, as PostgreSQL folds them.
    func text(of token: SQLToken) -> String {
        let bytes = text.utf8.dropFirst(token.range.lowerBound).prefix(token.range.count)
        let text = String(decoding: bytes, as: UTF8.self)
        return token.kind == .word ? text.lowercased() : text
    }

    /// Whether a line of its own says `-- annals: <word>`.
    func declares(_ word: String) -> Bool { declarations.contains { $0.word == word } }

    private static let declaring = "--annals:"

    /// The text up to its last token with something else for each parameter. Lines stay where they were.
    func replacingParameters(_ replacement: (SQLToken, String) throws(ReadModelError) -> String) throws(ReadModelError) -> String {
        let bytes = Array(text.utf8)
        var replaced: [UInt8] = []
        var copied = 0
        for token in tokens where token.kind == .parameter {
            replaced += bytes[copied..<token.range.lowerBound]
            replaced += try replacement(token, text(of: token)).utf8
            copied = token.range.upperBound
        }
        // A closing semicolon would end up inside a PREPARE.
        let end = tokens.last { $0.kind != .semicolon }?.range.upperBound ?? bytes.count
        replaced += bytes[copied..<max(copied, end)]
        return String(decoding: replaced, as: UTF8.self)
    }

    func refusal(at token: SQLToken, _ reason: String) -> ReadModelError {
        ReadModelError(file: path, line: token.line, reason: reason)
    }

    func refusal(_ reason: String) -> ReadModelError { ReadModelError(file: path, reason: reason) }

    /// The server's complaint about a script made of this file, line by line. `position` counts its characters from 1, as the server does.
    func refusal(position: Int?, in script: String, _ reason: String) -> ReadModelError {
        let line = position.map { position in 1 + script.unicodeScalars.prefix(max(0, position - 1)).count { $0 == "\n" } }
        return ReadModelError(file: path, line: line, reason: reason)
    }
}

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
