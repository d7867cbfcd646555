package import EventSourcing
package import FoundationEssentials

/// The unique name that a user is known by: 3 to 30 of `a-z 0-9 _`.
package struct Username: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(3...30)
        try text.requireOnly("a-z, 0-9 and _") { $0.isLowercaseAlphanumeric || $0 == "_" }
        self.text = text
    }
}

/// The name that a user shows: one line of up to 100 characters with something to see in it. Empty for none.
package struct DisplayName: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(0...100)
        try text.requireOneLine()
        try text.requireNoDirectionControls()
        if !text.isEmpty { try text.requireVisible() }
        self.text = text
    }
}

/// A user's text about themselves: up to 2,000 characters, with line breaks and tabs. Empty for none.
package struct Bio: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(0...2000)
        try text.requireProse()
        self.text = text
    }
}

/// An email address that mail can be sent to: RFC 5322's dot-atoms and, as RFC 6531 has it, letters past ASCII. Quoted names, comments and address
/// literals are in the grammar, too, and in nobody's address. Only a mail that arrives proves one.
package struct Email: TextValue {
    /// As its owner writes it, without white space around it.
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(3...254)
        let trimmed = text.unicodeScalars.trimmingWhiteSpace
        guard Self.isAddress(trimmed) else { throw TextViolation("is not an email address") }
        self.text = String(trimmed)
    }

    /// The form in which two addresses are the same one.
    package var comparable: String { Self.comparable(text) }

    /// The same of a stored address: normal form C, lower case, the domain in its ASCII form.
    static func comparable(_ stored: String) -> String {
        // By scalars: with a mark behind it the sign would be another character.
        let parts = stored.lowercased().composed.unicodeScalars.split(separator: "@", maxSplits: 1).map { String($0) }
        guard parts.count == 2 else { return stored }
        return "\(parts[0])@\(parts[1].asciiHost)"
    }

    private static func isAddress(_ text: Substring.UnicodeScalarView) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false).map { String($0) }
        // 254: the longest address that fits RFC 5321's path.
        guard parts.count == 2, parts[0].utf8.count + 1 + parts[1].utf8.count <= 254, 1...64 ~= parts[0].utf8.count else { return false }
        let atoms = parts[0].unicodeScalars.split(separator: ".", omittingEmptySubsequences: false)
        let labels = parts[1].unicodeScalars.split(separator: ".", omittingEmptySubsequences: false)
        return atoms.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isAtomText) }
            && labels.count > 1
            && labels.allSatisfy { !$0.isEmpty && $0.first != "-" && $0.last != "-" && $0.first?.isMark == false && $0.allSatisfy(\.isLabelText) }
    }
}

extension String.UnicodeScalarView {
    fileprivate var trimmingWhiteSpace: Substring.UnicodeScalarView {
        guard let first = firstIndex(where: { !$0.properties.isWhitespace }), let last = lastIndex(where: { !$0.properties.isWhitespace }) else {
            return self[endIndex...]
        }
        return self[first...last]
    }
}

extension Unicode.Scalar {
    /// No label begins with one (RFC 5891 §4.2.3.2).
    fileprivate var isMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    /// RFC 5322 §3.2.3's atext, and past ASCII (RFC 6531 §3.3) what can be seen.
    fileprivate var isAtomText: Bool {
        guard isASCII else { return isVisible }
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "!", "#", "$", "%", "&", "'", "*", "+", "-", "/", "=", "?", "^", "_", "`", "{", "|", "}", "~":
            return true
        default: return false
        }
    }

    /// The scalars of a domain's label: letters, digits and hyphens, and past ASCII letters, their marks and digits, as internationalised names have
    /// (RFC 5892).
    fileprivate var isLabelText: Bool {
        guard isASCII else {
            switch properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark, .decimalNumber:
                return !properties.isDefaultIgnorableCodePoint
            default: return false
            }
        }
        switch self {
        case "a"..."z", "A"..."Z", "0"..."9", "-": return true
        default: return false
        }
    }
}

/// The rights of a user. Stored by its name.
package enum Role: String, Sendable, Hashable, CaseIterable {
    case user
    case admin
}

/// The user or service that gives a command.
package struct Actor: Sendable, Hashable {
    package let id: UUID
    package let role: Role

    package init(id: UUID, role: Role) {
        self.id = id
        self.role = role
    }
}
