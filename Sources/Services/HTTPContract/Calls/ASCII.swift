extension StringProtocol {
    /// Whether all of it is visible ASCII, space excluded (RFC 9110's VCHAR).
    var isVisibleASCII: Bool { utf8.allSatisfy { 0x21...0x7E ~= $0 } }

    /// Without the blanks that HTTP allows around a list's members.
    var trimmingBlanks: SubSequence {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        guard let start = firstIndex(where: { !isBlank($0) }), let end = lastIndex(where: { !isBlank($0) }) else { return self[endIndex...] }
        return self[start...end]
    }

    /// Without the quotes of a quoted string (RFC 9110 §5.6.4); the text itself when it has none. Escapes are left as they are.
    var unquoted: SubSequence {
        guard utf8.count >= 2, first == "\"", last == "\"" else { return self[...] }
        return dropFirst().dropLast()
    }

    /// A whole number written in its one canonical way: digits only, no leading zero.
    var canonicalNumber: Int64? {
        guard !isEmpty, utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), self == "0" || first != "0" else { return nil }
        return Int64(self)
    }
}

extension UInt8 {
    var isLowercaseHexadecimal: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self || UInt8(ascii: "a")...UInt8(ascii: "f") ~= self }

    /// The value of a hexadecimal digit of either case.
    var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension UInt64 {
    /// Sixteen lower-case hexadecimal digits.
    var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
