package import HTTPTypes
package import Hummingbird
import Synchronization

/// A text from outside, as its bytes. Everything that a client writes into a request's head is compared, hashed and taken apart as this type.
///
/// Comparing and hashing a `String` normalises it first. That is quadratic in the combining marks in a row, so a client could choose how long it
/// takes; and two names that only look alike would be one.
package struct WireText: Sendable, Hashable, ExpressibleByStringLiteral {
    private let bytes: Substring.UTF8View

    package init(_ text: some StringProtocol) { bytes = Substring(text).utf8 }

    package init(stringLiteral text: String) { self.init(text) }

    private init(bytes: Substring.UTF8View) { self.bytes = bytes }

    package static func == (left: WireText, right: WireText) -> Bool {
        guard left.bytes.count == right.bytes.count else { return false }
        left.visit(left.bytes.count)
        return left.bytes.elementsEqual(right.bytes)
    }

    package func hash(into hasher: inout Hasher) {
        visit(bytes.count)
        let wasContiguous: Void? = bytes.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        if wasContiguous == nil { for byte in bytes { hasher.combine(byte) } }
    }

    package var text: Substring { Substring(bytes) }
    package var string: String { String(text) }
    package var isEmpty: Bool { bytes.isEmpty }
    package var count: Int { bytes.count }
    package var first: UInt8? { bytes.first }

    /// Whether all of it is visible ASCII, space excluded (RFC 9110's VCHAR).
    package var isVisibleASCII: Bool { allSatisfy { 0x21...0x7E ~= $0 } }

    package func allSatisfy(_ rule: (UInt8) -> Bool) -> Bool {
        visit(bytes.count)
        return bytes.allSatisfy(rule)
    }

    package func contains(_ byte: Unicode.Scalar) -> Bool {
        visit(bytes.count)
        return bytes.contains(UInt8(ascii: byte))
    }

    package func starts(with text: WireText) -> Bool { bytes.starts(with: text.bytes) }

    package func dropFirst(_ count: Int = 1) -> WireText { WireText(bytes: bytes.dropFirst(count)) }

    /// Everything before and after the first such byte; nil when there is none.
    package func cut(at byte: Unicode.Scalar) -> (WireText, WireText)? {
        guard let index = bytes.firstIndex(of: UInt8(ascii: byte)) else {
            visit(bytes.count)
            return nil
        }
        visit(bytes.distance(from: bytes.startIndex, to: index))
        return (WireText(bytes: bytes[..<index]), WireText(bytes: bytes[bytes.index(after: index)...]))
    }

    package func split(at byte: Unicode.Scalar) -> [WireText] {
        visit(bytes.count)
        return bytes.split(separator: UInt8(ascii: byte), omittingEmptySubsequences: false).map { WireText(bytes: $0) }
    }

    /// Without the blanks it starts with.
    package var droppingBlanks: WireText { WireText(bytes: bytes.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) }

    /// Without the blanks that HTTP allows around a list's members.
    package var trimmingBlanks: WireText {
        func isText(_ byte: UInt8) -> Bool { byte != UInt8(ascii: " ") && byte != UInt8(ascii: "\t") }
        guard let start = bytes.firstIndex(where: isText), let end = bytes.lastIndex(where: isText) else { return "" }
        return WireText(bytes: bytes[start...end])
    }

    /// Without the quotes of a quoted string (RFC 9110 §5.6.4); the text itself when it has none. Escapes are left as they are.
    package var unquoted: WireText {
        let quote = UInt8(ascii: "\"")
        guard bytes.count >= 2, bytes.first == quote, bytes.last == quote else { return self }
        return WireText(bytes: bytes.dropFirst().dropLast())
    }

    /// Whether it is that lower-case word, in either case.
    package func isWord(_ word: WireText) -> Bool {
        guard bytes.count == word.bytes.count else { return false }
        visit(bytes.count)
        return zip(bytes, word.bytes).allSatisfy { byte, lower in byte == lower || byte.lowercasedASCII == lower }
    }

    /// Whether it starts with those lower-case letters, in either case.
    package func startsWithWord(_ start: WireText) -> Bool { bytes.count >= start.count && WireText(bytes: bytes.prefix(start.count)).isWord(start) }

    /// A whole number written in its one canonical way: digits only, no leading zero.
    package var number: Int64? {
        guard 1...19 ~= bytes.count, allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), bytes.count == 1 || first != UInt8(ascii: "0")
        else { return nil }
        return Int64(string)
    }

    /// With every `%XX` replaced by its byte. Nil when an escape is cut short or the bytes are not UTF-8. In a query `+` also stands for a space.
    package func percentDecoded(plusIsSpace: Bool = false) -> WireText? {
        guard contains("%") || plusIsSpace && contains("+") else { return self }
        visit(bytes.count)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = iterator.next()?.hexadecimalDigit, let low = iterator.next()?.hexadecimalDigit else { return nil }
                decoded.append(high << 4 | low)
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: decoded, as: UTF8.self).map { WireText($0) }
    }
}

#if DEBUG
    extension WireText {
        /// Counts the bytes that the text's operations visit, for tests of how their work grows.
        package final class Work: Sendable {
            private let bytes = Atomic(0)
            package var count: Int { bytes.load(ordering: .relaxed) }
            fileprivate func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }
            package init() {}
        }

        @TaskLocal package static var work: Work?

        fileprivate func visit(_ count: Int) { Self.work?.add(count + 1) }
    }
#else
    extension WireText {
        fileprivate func visit(_ count: Int) {}
    }
#endif

extension Request {
    /// A header's value; of several lines all, with commas between them.
    package func header(_ name: HTTPField.Name) -> WireText? { headers[name].map { WireText($0) } }

    /// A header's value that may be given once: nil when it is not there, 400 when it is there more than once.
    package func singleHeader(_ name: HTTPField.Name) throws(Problem) -> WireText? {
        let values = headers[values: name]
        guard values.count <= 1 else { throw .malformed("\(name.rawName) is given more than once.") }
        return values.first.map { WireText($0) }
    }

    /// The path as it stands in the request line, without the query.
    package var path: WireText { WireText(uri.path) }

    /// The query as it stands in the request line; empty when there is none.
    package var query: WireText { WireText(uri.query ?? "") }
}

extension UInt8 {
    fileprivate var lowercasedASCII: UInt8 { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self ? self | 0x20 : self }

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
