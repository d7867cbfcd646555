/// The last part of a post's address: 1 to 300 of `a-z 0-9 -`.
package enum Slug {
    package static let maximumLength = 300

    /// The text in small letters with everything else as single hyphens between them; empty when it has no letter or digit that can be folded.
    package static func folding(_ text: String) -> String {
        var slug = ""
        for scalar in text.unicodeScalars {
            if let letters = scalar.foldedToASCII {
                slug += letters
            } else if !slug.isEmpty, !slug.hasSuffix("-"), !scalar.isJoining {
                slug += "-"
            }
        }
        return cut(slug, to: maximumLength)
    }

    /// At most that many characters, with no hyphen left at the end.
    package static func cut(_ slug: String, to length: Int) -> String {
        var slug = slug.prefix(length)
        while slug.hasSuffix("-") { slug.removeLast() }
        return String(slug)
    }
}

extension Unicode.Scalar {
    /// Apostrophes and combining marks vanish rather than split a word: "don't" is `dont`.
    fileprivate var isJoining: Bool {
        self == "'" || self == "\u{2019}" || properties.generalCategory == .nonspacingMark
    }

    /// Small ASCII letters or digits that stand for this one: `É` is `e`, `Æ` is `ae`. Nil for everything that is no Latin letter and no ASCII digit.
    var foldedToASCII: String? {
        switch self {
        case "a"..."z", "0"..."9": return String(self)
        case "A"..."Z": return String(self).lowercased()
        case "ß", "ẞ": return "ss"
        default: break
        }
        guard value > 0x7F, let name = properties.name else { return nil }
        // The name says the base letter ("LATIN SMALL LETTER E WITH ACUTE"), which spares a table and the Unicode data of Foundation.
        let words = name.split(separator: " ")
        guard words.count == 4 || words.count > 5 && words[4] == "WITH", words[0] == "LATIN", words[2] == "LETTER", words[3].utf8.count <= 2 else {
            return nil
        }
        return words[3].lowercased()
    }
}
