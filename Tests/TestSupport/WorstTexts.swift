/// Texts that cost most where somebody takes them for characters: marks that normalising sorts, delimiters, quotes, escapes, and all of Unicode.
package enum WorstTexts {
    private static let patterns = [
        "\u{301}", "\u{301}\u{316}", "a\u{301},", "\"\u{301}\",", "W/\"5\",", ",", ";", "=", "\"", "%", "%41", "%CC%81", "/", "&", "a=b&", "é",
        "\u{1100}\u{1161}",
        "x", "1", " ", "\t,", "wait=1,", "[", ":", "👩‍👩‍👧", ".", "-", "a.b.", "Bearer ", "application/json;", "charset=\"", "identity,", "+json",
    ]

    /// Thirty-two scalars of each part of all planes.
    package static let blocks: [String] = (stride(from: UInt32(0x20), to: 0x11_0000, by: 0x800) + [0x300]).compactMap { start in
        let scalars = (start..<start + 0x20).compactMap(Unicode.Scalar.init)
        return scalars.isEmpty ? nil : String(String.UnicodeScalarView(scalars))
    }

    /// Each pattern and each block of Unicode, short and again and again, and mixtures of the patterns.
    package static func all(using random: inout some RandomNumberGenerator) -> [String] {
        let mixtures = (0..<30).map { _ in
            (0..<300).map { _ in String(repeating: patterns.randomElement(using: &random) ?? "", count: .random(in: 1...8, using: &random)) }.joined()
        }
        return patterns + patterns.map { String(repeating: $0, count: 4000) } + blocks + blocks.map { String(repeating: $0, count: 8) } + mixtures
    }
}
