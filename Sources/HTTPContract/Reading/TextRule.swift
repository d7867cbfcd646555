/// What a text may consist of.
package enum TextRule: Sendable {
    /// `a-z 0-9 _`
    case username
    /// `a-z 0-9 -`
    case slug
    /// An address that mail can be sent to, judged by its outline: RFC 5321 allows more than anyone has, and only a sent mail proves one.
    case email
    /// One line: no control characters.
    case line
    /// Text with line breaks and tabs, no other control characters.
    case prose

    /// Why the text is not acceptable; nil when it is. Lengths are checked elsewhere, except an address's own limit.
    package func objection(to text: String) -> String? {
        switch self {
        case .username: text.unicodeScalars.allSatisfy { $0.isLowercaseAlphanumeric || $0 == "_" } ? nil : "may only contain a-z, 0-9 and _"
        case .slug: text.unicodeScalars.allSatisfy { $0.isLowercaseAlphanumeric || $0 == "-" } ? nil : "may only contain a-z, 0-9 and -"
        case .email: Self.isAddress(text) ? nil : "is not an email address"
        case .line: text.unicodeScalars.contains(where: \.isControl) ? "may not contain control characters" : nil
        case .prose:
            text.unicodeScalars.contains { $0.isControl && $0 != "\n" && $0 != "\r" && $0 != "\t" }
                ? "may not contain control characters other than line breaks and tabs" : nil
        }
    }

    private static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        // 254: the longest address that fits RFC 5321's path.
        guard parts.count == 2, text.utf8.count <= 254, 1...64 ~= parts[0].utf8.count else { return false }
        guard !text.unicodeScalars.contains(where: { $0.isControl || $0.properties.isWhitespace || $0.properties.isDefaultIgnorableCodePoint }) else {
            return false
        }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return labels.count > 1 && labels.allSatisfy { !$0.isEmpty && $0.first != "-" && $0.last != "-" }
    }
}

extension Unicode.Scalar {
    fileprivate var isLowercaseAlphanumeric: Bool { "a"..."z" ~= self || "0"..."9" ~= self }

    /// General category Cc.
    fileprivate var isControl: Bool { value < 0x20 || 0x7F...0x9F ~= value }
}
