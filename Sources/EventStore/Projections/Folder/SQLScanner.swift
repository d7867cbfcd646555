/// Splits SQL text into tokens after PostgreSQL's lexical rules (manual §4.1): it knows quotes, escape strings, dollar quotes, nested comments and
/// `::`.
///
/// It does not check SQL; the server does that when the statement is prepared.
struct SQLScanner {
    private let bytes: [UInt8]
    private var at = 0
    private var line = 1

    init(_ text: String) { bytes = Array(text.utf8) }

    /// All tokens in order. What is never closed ends with the text.
    static func tokens(of text: String) -> [SQLToken] {
        var scanner = SQLScanner(text)
        var tokens: [SQLToken] = []
        while let token = scanner.next() { tokens.append(token) }
        return tokens
    }

    private mutating func next() -> SQLToken? {
        skipBlanks()
        guard at < bytes.count else { return nil }
        let (start, startLine) = (at, line)
        let kind = scanToken()
        for byte in bytes[start..<at] where byte == UInt8(ascii: "\n") { line += 1 }
        return SQLToken(kind: kind, range: start..<at, line: startLine)
    }

    private mutating func scanToken() -> SQLToken.Kind {
        let byte = bytes[at]
        switch byte {
        case UInt8(ascii: "'"):
            skipQuoted(by: byte, escapes: false)
            return .literal
        case UInt8(ascii: "\""):
            skipQuoted(by: byte, escapes: false)
            return .quotedName
        case UInt8(ascii: "$"): return scanDollar()
        case UInt8(ascii: ":"): return scanColon()
        case UInt8(ascii: ";"):
            at += 1
            return .semicolon
        case _ where byte.startsWord: return scanWord()
        case _ where byte.isDigit:
            // Digits, fraction and exponent: all that matters is that `1e5` is no word.
            while at < bytes.count, bytes[at].continuesWord || bytes[at] == UInt8(ascii: ".") { at += 1 }
            return .symbol
        default:
            at += 1
            return .symbol
        }
    }

    private mutating func scanWord() -> SQLToken.Kind {
        let start = at
        while at < bytes.count, bytes[at].continuesWord { at += 1 }
        guard at < bytes.count, bytes[at] == UInt8(ascii: "'"), at - start == 1 else { return .word }
        switch bytes[start] | 0x20 {
        case UInt8(ascii: "e"):
            skipQuoted(by: UInt8(ascii: "'"), escapes: true)
            return .literal
        case UInt8(ascii: "b"), UInt8(ascii: "x"), UInt8(ascii: "n"):
            skipQuoted(by: UInt8(ascii: "'"), escapes: false)
            return .literal
        default: return .word
        }
    }

    private mutating func scanColon() -> SQLToken.Kind {
        at += 1
        guard at < bytes.count else { return .symbol }
        if bytes[at] == UInt8(ascii: ":") {
            at += 1
            return .symbol
        }
        guard bytes[at].startsWord else { return .symbol }
        while at < bytes.count, bytes[at].continuesWord { at += 1 }
        return .parameter
    }

    private mutating func scanDollar() -> SQLToken.Kind {
        var end = at + 1
        if end < bytes.count, bytes[end].isDigit {
            while end < bytes.count, bytes[end].isDigit { end += 1 }
            at = end
            return .positional
        }
        while end < bytes.count, bytes[end].continuesWord, bytes[end] != UInt8(ascii: "$") { end += 1 }
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$") else {
            at += 1
            return .symbol
        }
        let tag = bytes[at...end]
        at = end + 1
        while at < bytes.count, !bytes[at...].starts(with: tag) { at += 1 }
        at = min(bytes.count, at + tag.count)
        return .literal
    }

    private mutating func skipQuoted(by quote: UInt8, escapes: Bool) {
        at += 1
        while at < bytes.count {
            if escapes, bytes[at] == UInt8(ascii: "\\") {
                at = min(bytes.count, at + 2)
            } else if bytes[at] != quote {
                at += 1
            } else if at + 1 < bytes.count, bytes[at + 1] == quote {
                at += 2
            } else {
                at += 1
                return
            }
        }
    }

    private mutating func skipBlanks() {
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "\n") { line += 1 }
            if bytes[at].isBlank {
                at += 1
            } else if bytes[at...].starts(with: "--".utf8) {
                while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { at += 1 }
            } else if bytes[at...].starts(with: "/*".utf8) {
                skipComment()
            } else {
                return
            }
        }
    }

    private mutating func skipComment() {
        var depth = 0
        repeat {
            if bytes[at...].starts(with: "/*".utf8) {
                depth += 1
                at += 2
            } else if bytes[at...].starts(with: "*/".utf8) {
                depth -= 1
                at += 2
            } else {
                if bytes[at] == UInt8(ascii: "\n") { line += 1 }
                at += 1
            }
        } while depth > 0 && at < bytes.count
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    /// Letters, `_`, and every byte of a letter beyond ASCII.
    fileprivate var startsWord: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || self == UInt8(ascii: "_") || self >= 0x80 }
    fileprivate var continuesWord: Bool { startsWord || isDigit || self == UInt8(ascii: "$") }
}

/// A piece of SQL text that means something; white space and comments lie between tokens.
struct SQLToken: Equatable {
    enum Kind: Equatable {
        /// A key word or a name without quotes.
        case word
        /// A name in double quotes.
        case quotedName
        /// A literal in single quotes or between dollars.
        case literal
        /// `:name`
        case parameter
        /// `$1`
        case positional
        case semicolon
        /// Anything else, one byte or the two of `::`.
        case symbol
    }

    let kind: Kind
    /// Bytes of the text.
    let range: Range<Int>
    /// From 1.
    let line: Int
}
