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

    /// Whether a line of its own says `-- annals: <word>`.
    func declares(_ word: String) -> Bool { declarations.contains { $0.word == word } }

    /// The directives after `-- annals:` on lines of their own, with line numbers; lines may end with CRLF.
    var declarations: [(word: String, line: Int)] {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().compactMap { index, line in
            let line = line.filter { !$0.isWhitespace }
            return line.hasPrefix(Self.declaring) ? (String(line.dropFirst(Self.declaring.count)), index + 1) : nil
        }
    }

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

    func refusal(_ reason: String) -> ReadModelError {
        ReadModelError(file: path, reason: reason)
    }

    /// The server's complaint about a script made of this file, line by line. `position` counts its characters from 1, as the server does.
    func refusal(position: Int?, in script: String, _ reason: String) -> ReadModelError {
        let line = position.map { position in 1 + script.unicodeScalars.prefix(max(0, position - 1)).count { $0 == "\n" } }
        return ReadModelError(file: path, line: line, reason: reason)
    }
}
