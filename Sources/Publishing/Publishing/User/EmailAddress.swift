/// An email address. Only a mail that arrives proves one, so the form asked for is the least that every address has.
package struct EmailAddress: Sendable, Hashable, CustomStringConvertible {
    /// As its owner writes it, without white space around it.
    package let text: String

    /// Nil unless it is `local@domain` without space or control characters, at most 254 bytes (RFC 5321 §4.5.3.1.3 less its brackets).
    package init?(_ text: String) {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace }),
            case let trimmed = scalars[first...last], let sign = trimmed.lastIndex(of: "@"), sign > trimmed.startIndex,
            trimmed.index(after: sign) < trimmed.endIndex, String(trimmed).utf8.count <= 254,
            trimmed.allSatisfy({ !$0.properties.isWhitespace && $0.properties.generalCategory != .control })
        else { return nil }
        self.text = String(trimmed)
    }

    package var description: String { text }

    /// What makes two addresses the same one: normal form C, lower case.
    package var comparable: String { text.lowercased().composed }
}
