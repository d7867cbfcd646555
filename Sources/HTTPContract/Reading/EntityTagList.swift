/// The value of `If-Match` or `If-None-Match` (RFC 9110 §13.1): `*`, or entity tags with commas between them.
enum EntityTagList: Equatable {
    struct Tag: Equatable {
        let isWeak: Bool
        /// What stands between the quotes.
        let opaque: String
    }

    case anything
    case tags([Tag])

    /// Nil when the text does not have that form. Commas may stand inside the quotes.
    init?(_ text: String) {
        if text.trimmingBlanks == "*" {
            self = .anything
            return
        }
        var tags: [Tag] = []
        var rest = text[...].trimmingBlanks
        while !rest.isEmpty {
            let isWeak = rest.hasPrefix("W/")
            if isWeak { rest = rest.dropFirst(2) }
            guard rest.first == "\"" else { return nil }
            rest = rest.dropFirst()
            guard let end = rest.firstIndex(of: "\"") else { return nil }
            let opaque = rest[..<end]
            // etagc: anything visible but the quote, and bytes past ASCII.
            guard opaque.utf8.allSatisfy({ $0 == 0x21 || 0x23...0x7E ~= $0 || $0 >= 0x80 }) else { return nil }
            tags.append(Tag(isWeak: isWeak, opaque: String(opaque)))
            rest = rest[rest.index(after: end)...].trimmingBlanks
            guard !rest.isEmpty else { break }
            guard rest.first == "," else { return nil }
            rest = rest.dropFirst().trimmingBlanks
            guard !rest.isEmpty else { return nil }
        }
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }
}
