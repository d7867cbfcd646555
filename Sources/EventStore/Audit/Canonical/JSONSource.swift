import Glibc

/// JSON text that is read from front to back.
struct JSONSource {
    private let text: UnsafeRawBufferPointer
    private var place = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    var isAtEnd: Bool { place == text.count }

    /// The byte to be read next; 0 at the end.
    var next: UInt8 { place < text.count ? text[place] : 0 }

    mutating func advance() { place += 1 }

    mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte, place < text.count else { return false }
        place += 1
        return true
    }

    mutating func skipSpaces() {
        while place < text.count, text[place] == 0x20 || text[place] == 0x0A || text[place] == 0x0D || text[place] == 0x09 { place += 1 }
    }

    /// A string with its quotes, as it stands.
    mutating func string() throws(CanonicalFormError) -> UnsafeRawBufferPointer {
        let start = place
        guard take(UInt8(ascii: "\"")), let base = text.baseAddress else { throw .malformed }
        while let quote = memchr(base + place, Int32(UInt8(ascii: "\"")), text.count - place) {
            place = UnsafeRawPointer(quote) - base + 1
            // A quote behind an odd number of backslashes belongs to the string.
            var backslashes = 0
            while text[place - 2 - backslashes] == UInt8(ascii: "\\") { backslashes += 1 }
            if backslashes.isMultiple(of: 2) { return UnsafeRawBufferPointer(rebasing: text[start..<place]) }
        }
        throw .malformed
    }

    /// What could be a number.
    mutating func number() -> UnsafeRawBufferPointer {
        let start = place
        while place < text.count {
            switch text[place] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
                place += 1
            default: return UnsafeRawBufferPointer(rebasing: text[start..<place])
            }
        }
        return UnsafeRawBufferPointer(rebasing: text[start...])
    }

    /// `true`, `false` or `null`.
    mutating func word() throws(CanonicalFormError) -> UnsafeRawBufferPointer {
        for word in ["true", "false", "null"] {
            let end = place + word.utf8.count
            if end <= text.count, text[place..<end].elementsEqual(word.utf8) {
                defer { place = end }
                return UnsafeRawBufferPointer(rebasing: text[place..<end])
            }
        }
        throw .malformed
    }
}
