/// The value of `If-Match` or `If-None-Match` (RFC 9110 §13.1): `*`, or entity tags with commas between them.
package enum EntityTagList: Equatable {
    /// The text between the quotes, of weak and strong tags alike.
    case tags([WireText])
    case anything

    /// Nil when the text does not have that form, or names no tag. Commas may stand inside the quotes. One pass over the bytes.
    package init?(_ text: WireText) {
        if text.trimmingBlanks == "*" {
            self = .anything
            return
        }
        var tags: [WireText] = []
        var rest = text.trimmingBlanks
        while !rest.isEmpty {
            // An empty element is nothing (RFC 9110 §5.6.1.2).
            if rest.first != UInt8(ascii: ",") {
                guard let (tag, after) = Self.takeTag(rest) else { return nil }
                tags.append(tag)
                rest = after.droppingBlanks
                guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return nil }
            }
            rest = rest.dropFirst().droppingBlanks
        }
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }

    /// The tag that the text starts with, and what follows it; nil when it starts with something else.
    private static func takeTag(_ text: WireText) -> (WireText, WireText)? {
        let quoted = text.starts(with: "W/") ? text.dropFirst(2) : text
        guard quoted.first == UInt8(ascii: "\""), let (opaque, rest) = quoted.dropFirst().cut(at: "\"") else { return nil }
        // etagc: anything visible but the quote, and bytes past ASCII.
        guard opaque.allSatisfy({ $0 == 0x21 || 0x23...0x7E ~= $0 || $0 >= 0x80 }) else { return nil }
        return (opaque, rest)
    }
}
