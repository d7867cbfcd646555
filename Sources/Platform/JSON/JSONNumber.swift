/// A number as it stands in JSON text. Valid only while the text that was scanned is.
struct JSONNumber {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Whether it has neither fraction nor exponent.
    let isWhole: Bool
    /// Where it begins in the text that was scanned.
    let offset: Int

    /// As a value of the tree. A number that no double can hold is an infinity, which its reader may refuse.
    var value: JSONValue {
        if isWhole, let value = integer { return .integer(value) }
        return .number(Double(String(decoding: bytes, as: UTF8.self)) ?? .infinity)
    }

    private var integer: Int64? {
        // Eighteen digits always fit.
        guard bytes.count <= 18 else { return Int64(String(decoding: bytes, as: UTF8.self)) }
        let isNegative = bytes.first == UInt8(ascii: "-")
        var value: Int64 = 0
        for byte in bytes[(isNegative ? 1 : 0)...] { value = value &* 10 &+ Int64(byte &- UInt8(ascii: "0")) }
        return isNegative ? -value : value
    }

    /// Whether it stands in canonical form already, as far as a look tells: a whole number of 15 digits at most.
    var isPlainlyCanonical: Bool { isWhole && bytes.count <= 15 && !bytes.starts(with: "-0".utf8) }

    /// The form in which ECMAScript's `Number::toString` writes it (RFC 8785 §3.2.2.3), and whether that says the same number. Nil for one beyond the
    /// range of a double.
    var canonical: (text: String, isExact: Bool)? {
        let written = String(decoding: bytes, as: UTF8.self)
        guard let decimal = Decimal(written), let value = Double(written), value.isFinite, let shortest = Decimal("\(value)") else { return nil }
        return (shortest.ecmaScript, shortest == decimal)
    }

    /// The shortest text that reads back as the same double, as ECMAScript writes it; an infinity as the parser reads it again.
    static func text(_ value: Double) -> String {
        if value.isInfinite { return value < 0 ? "-1e999" : "1e999" }
        return Decimal("\(value)")?.ecmaScript ?? "null"
    }
}

/// 0.d₁d₂d₃… × 10^exponent, without zeros at either end; zero has no digits.
private struct Decimal: Equatable {
    private let isNegative: Bool
    private let digits: [UInt8]
    private let exponent: Int

    /// Nil when the text is not a number, and for an exponent that no double comes near.
    init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        let sign = rest.first == UInt8(ascii: "-")
        if sign { rest = rest.dropFirst() }
        let mantissa = rest.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
        var exponent = 0
        if mantissa.count < rest.count {
            guard let written = Int(String(decoding: rest.dropFirst(mantissa.count + 1), as: UTF8.self)), abs(written) < 1_000_000 else { return nil }
            exponent = written
        }
        let parts = mantissa.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, parts.allSatisfy({ $0.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } }) else {
            return nil
        }
        exponent += whole.count
        var digits = Array(parts.joined())
        let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(zeros)
        exponent -= zeros
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        self.digits = digits
        // Minus zero is zero.
        isNegative = sign && !digits.isEmpty
        self.exponent = digits.isEmpty ? 0 : exponent
    }

    /// ECMA-262, Number::toString: `exponent` is its n, the number of digits its k.
    var ecmaScript: String {
        if digits.isEmpty { return "0" }
        let sign = isNegative ? "-" : ""
        let text = String(decoding: digits, as: UTF8.self)
        switch exponent {
        case digits.count...21 where digits.count <= 21: return sign + text + String(repeating: "0", count: exponent - digits.count)
        case 1...21: return sign + text.prefix(exponent) + "." + text.dropFirst(exponent)
        case -5...0: return sign + "0." + String(repeating: "0", count: -exponent) + text
        default:
            let power = exponent - 1
            let fraction = digits.count == 1 ? "" : "." + text.dropFirst()
            return sign + text.prefix(1) + fraction + "e" + (power < 0 ? "-" : "+") + String(abs(power))
        }
    }
}
