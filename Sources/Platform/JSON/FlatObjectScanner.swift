/// Walks over a JSON object whose members are all strings without escapes, and makes nothing of it. Stops where the text is anything else: what it has handed out
/// counts only when it came to the end. It does not look for duplicate names, which `jsonb` does not have.
package struct FlatObjectScanner {
    package typealias Text = UnsafeBufferPointer<UInt8>

    private let bytes: Text
    private var at = 0
    /// Whether the object has been read to its end, with nothing behind it.
    package private(set) var isComplete = false

    package init(_ text: UnsafeRawBufferPointer) {
        bytes = text.bindMemory(to: UInt8.self)
        if !take(UInt8(ascii: "{")) { at = bytes.count }
    }

    /// The next member; nil at the end, and where the text is not of this kind.
    package mutating func next() -> (name: Text, value: Text)? {
        guard let name = string(), take(UInt8(ascii: ":")), let value = string() else { return nil }
        if take(UInt8(ascii: "}")) {
            isComplete = at == bytes.count
            at = bytes.count
        } else if !take(UInt8(ascii: ",")) {
            at = bytes.count
        }
        return (name, value)
    }

    private mutating func string() -> Text? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
            guard bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 0x20 else { return nil }
            at += 1
        }
        defer { at += 1 }
        return at < bytes.count ? Text(rebasing: bytes[start..<at]) : nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        while at < bytes.count, bytes[at] == 0x20 { at += 1 }
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }
}
