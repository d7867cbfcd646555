package import EventSourcing

/// The name of a post in its address: 1 to 300 of `a-z 0-9 -`.
package struct Slug: TextValue {
    private static let maximumLength = 300
    /// Room for a dash and the longest number of `numbered(_:)`, so that a made slug stays whole when one is added.
    private static let suffixRoom = 12

    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(1...Self.maximumLength)
        try text.requireOnly("a-z, 0-9 and -") { $0.isLowercaseAlphanumeric || $0 == "-" }
        self.text = text
    }

    /// Makes a slug from any title: marks and case are dropped, all else but letters and digits becomes one dash. `post` when nothing remains, as with a title in
    /// another script.
    package init(for title: String) {
        var bytes: [UInt8] = []
        var needsDash = false
        for scalar in title.decomposedCompatibly.lowercased().unicodeScalars {
            let letters = Self.letters(for: scalar)
            if let letters, !letters.isEmpty {
                if needsDash, !bytes.isEmpty { bytes.append(UInt8(ascii: "-")) }
                needsDash = false
                bytes.append(contentsOf: letters)
            } else if letters == nil {
                needsDash = true
            }
        }
        bytes = Array(bytes.prefix(Self.maximumLength - Self.suffixRoom))
        while bytes.last == UInt8(ascii: "-") { bytes.removeLast() }
        text = bytes.isEmpty ? "post" : String(decoding: bytes, as: UTF8.self)
    }

    private init(unchecked text: String) {
        self.text = text
    }

    /// This slug with a number behind it, for when it is taken: `a-title-2`. Cut at the end of its words where there is no room.
    package func numbered(_ number: UInt32) -> Slug {
        let suffix = "-\(number)"
        return Slug(unchecked: text.prefix(Self.maximumLength - suffix.utf8.count) + suffix)
    }

    /// What a lower-case, decomposed scalar becomes: letters; nothing, for a mark; nil, for what separates words.
    private static func letters(for scalar: Unicode.Scalar) -> String.UTF8View? {
        switch scalar {
        case "a"..."z", "0"..."9": String(scalar).utf8
        // Letters that no normal form takes apart.
        case "ß": "ss".utf8
        case "æ": "ae".utf8
        case "œ": "oe".utf8
        case "ø": "o".utf8
        case "đ", "ð": "d".utf8
        case "ł": "l".utf8
        case "þ": "th".utf8
        case "ı": "i".utf8
        // An apostrophe stands within a word.
        case "'", "’": "".utf8
        default:
            switch scalar.properties.generalCategory {
            case .nonspacingMark, .spacingMark, .enclosingMark: "".utf8
            default: nil
            }
        }
    }
}
