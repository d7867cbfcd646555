/// A JSON number in the form in which ECMAScript's `Number::toString` writes it (RFC 8785 §3.2.2.3).
struct CanonicalNumber {
    let text: String
    /// Whether the text says the same number as the one it was made from.
    let isExact: Bool

    /// Nil for what is no number, or one beyond the range of a double.
    init?(_ source: UnsafeRawBufferPointer) {
        let written = String(decoding: source, as: UTF8.self)
        guard let decimal = Decimal(written), let value = Double(written), value.isFinite else { return nil }
        guard let shortest = Decimal("\(value)") else { return nil }
        text = shortest.ecmaScript
        isExact = shortest == decimal
    }
}

/// 0.d₁d₂d₃… × 10^exponent, without zeros at either end; zero has no digits.
private struct Decimal: Equatable {
    private let isNegative: Bool
    private let digits: [UInt8]
    private let exponent: Int

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
