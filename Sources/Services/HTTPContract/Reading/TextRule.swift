/// What a text may consist of.
package enum TextRule: Sendable {
    /// `a-z 0-9 _`
    case username
    /// `a-z 0-9 -`
    case slug
    /// An address that mail can be sent to: RFC 5322's dot-atoms and, as RFC 6531 has it, letters past ASCII. Quoted names, comments and address literals are in the
    /// grammar, too, and in nobody's address. Only a sent mail proves one. White space around it is not part of it.
    case email
    /// One line: no control characters, no separators of lines.
    case line
    /// One line with something to see in it.
    case title
    /// Text with line breaks and tabs, no other control characters.
    case prose

    /// Why the text is not acceptable; nil when it is. Lengths are checked elsewhere, except an address's own limit.
    package func objection(to text: String) -> String? {
        switch self {
        case .username: text.unicodeScalars.allSatisfy { $0.isLowercaseAlphanumeric || $0 == "_" } ? nil : "may only contain a-z, 0-9 and _"
        case .slug: text.unicodeScalars.allSatisfy { $0.isLowercaseAlphanumeric || $0 == "-" } ? nil : "may only contain a-z, 0-9 and -"
        case .email: Self.isAddress(text) ? nil : "is not an email address"
        case .line: text.unicodeScalars.contains { $0.isControl || $0.endsLine } ? "may not contain control characters or line breaks" : nil
        case .title:
            Self.line.objection(to: text) ?? (text.unicodeScalars.contains(where: \.isVisible) ? nil : "must have a character that can be seen")
        case .prose:
            text.unicodeScalars.contains { $0.isControl && $0 != "\n" && $0 != "\r" && $0 != "\t" }
                ? "may not contain control characters other than line breaks and tabs" : nil
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        let parts = text.unicodeScalars.trimmingWhiteSpace.split(separator: "@", omittingEmptySubsequences: false)
        // 254: the longest address that fits RFC 5321's path.
        guard parts.count == 2, String(parts[0]).utf8.count + 1 + String(parts[1]).utf8.count <= 254, 1...64 ~= String(parts[0]).utf8.count else {
            return false
        }
        let atoms = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return atoms.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isAtomText) }
            && labels.count > 1
            && labels.allSatisfy { !$0.isEmpty && $0.first != "-" && $0.last != "-" && $0.allSatisfy(\.isLabelText) }
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
    fileprivate var isLowercaseAlphanumeric: Bool { "a"..."z" ~= self || "0"..."9" ~= self }

    /// General category Cc.
    fileprivate var isControl: Bool { value < 0x20 || 0x7F...0x9F ~= value }

    /// The two separators that break a line without being control characters.
    fileprivate var endsLine: Bool { value == 0x2028 || value == 0x2029 }

    /// Whether there is anything to see of it, alone or on another.
    fileprivate var isVisible: Bool {
        !isControl && !properties.isWhitespace && !properties.isDefaultIgnorableCodePoint && properties.generalCategory != .format
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

    /// What a label of a domain consists of: letters, digits and hyphens, and past ASCII letters, their marks and digits, as internationalised names have (RFC 5892).
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
