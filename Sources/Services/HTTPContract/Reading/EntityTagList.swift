/// The value of `If-Match` or `If-None-Match` (RFC 9110 §13.1): `*`, or entity tags with commas between them.
enum EntityTagList: Equatable {
    struct Tag: Equatable {
        let isWeak: Bool
        /// What stands between the quotes.
        let opaque: String
    }

    case anything
    case tags([Tag])

    /// Nil when the text does not have that form, or names no tag. Commas may stand inside the quotes.
    init?(_ text: String) {
        if text.trimmingBlanks == "*" {
            self = .anything
            return
        }
        var tags: [Tag] = []
        var rest = text[...].trimmingBlanks
        while !rest.isEmpty {
            // An empty element is nothing (RFC 9110 §5.6.1.2).
            if rest.first != "," {
                guard let tag = Self.takeTag(&rest) else { return nil }
                tags.append(tag)
                rest = rest.trimmingBlanks
                guard rest.isEmpty || rest.first == "," else { return nil }
            }
            rest = rest.dropFirst().trimmingBlanks
        }
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }

    /// Takes the tag that the text starts with; nil when it starts with something else.
    private static func takeTag(_ text: inout Substring) -> Tag? {
        let isWeak = text.hasPrefix("W/")
        if isWeak { text = text.dropFirst(2) }
        guard text.first == "\"", let end = text.dropFirst().firstIndex(of: "\"") else { return nil }
        let opaque = text[..<end].dropFirst()
        // etagc: anything visible but the quote, and bytes past ASCII.
        guard opaque.utf8.allSatisfy({ $0 == 0x21 || 0x23...0x7E ~= $0 || $0 >= 0x80 }) else { return nil }
        text = text[text.index(after: end)...]
        return Tag(isWeak: isWeak, opaque: String(opaque))
    }
}
