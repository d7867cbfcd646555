extension String {
    /// This text with JSON escapes in the place of characters that could steer a terminal or disturb the order of what it shows: controls (C0, DEL,
    /// C1), line and paragraph separators, and Unicode's bidirectional controls (UAX #9 §2). JSON text stays the same JSON, because such characters
    /// stand in its strings only.
    package var escapingControls: String {
        guard unicodeScalars.contains(where: \.steersTerminals) else { return self }
        var escaped = ""
        for scalar in unicodeScalars {
            if scalar.steersTerminals {
                escaped += String(decoding: JSONEscape.hexadecimal(UInt16(scalar.value)), as: UTF8.self)
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension Unicode.Scalar {
    /// All below U+10000, so that one escape is enough.
    fileprivate var steersTerminals: Bool {
        switch value {
        case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
