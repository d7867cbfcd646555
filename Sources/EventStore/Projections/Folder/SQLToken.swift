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
