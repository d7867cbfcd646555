/// One SQL file of a read model, split into tokens and statements.
struct SQLFile {
    /// From the folder of all read models: `posts/table.sql`.
    let path: String
    let text: String
    let tokens: [SQLToken]

    init(path: String, text: String) {
        self.path = path
        self.text = text
        tokens = SQLScanner.tokens(of: text)
    }

    /// The tokens of each statement, without the semicolons between them.
    var statements: [ArraySlice<SQLToken>] { tokens.split { $0.kind == .semicolon } }

    /// The token's text; names and key words without quotes in lower case, as PostgreSQL folds them.
    func text(of token: SQLToken) -> String {
        let bytes = text.utf8.dropFirst(token.range.lowerBound).prefix(token.range.count)
        let text = String(decoding: bytes, as: UTF8.self)
        return token.kind == .word ? text.lowercased() : text
    }

    func refusal(at token: SQLToken, _ reason: String) -> ReadModelError {
        ReadModelError(file: path, line: token.line, reason: reason)
    }

    func refusal(_ reason: String) -> ReadModelError {
        ReadModelError(file: path, reason: reason)
    }

    /// The server's complaint about a script made of this file, line by line. `position` counts its characters from 1, as the server does.
    func refusal(position: Int?, in script: String, _ reason: String) -> ReadModelError {
        let line = position.map { position in 1 + script.unicodeScalars.prefix(max(0, position - 1)).count { $0 == "\n" } }
        return ReadModelError(file: path, line: line, reason: reason)
    }
}
