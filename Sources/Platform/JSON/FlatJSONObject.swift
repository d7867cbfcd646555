/// Walks over a JSON object whose members are all strings without escapes, and builds nothing. Stops where the text is anything else: the members
/// that it has handed out count only when it came to the end. It does not look for duplicate names, which `jsonb` does not have, and leaves UTF-8 to
/// the caller.
package struct FlatJSONObject {
    package typealias Text = UnsafeBufferPointer<UInt8>

    private var scanner: JSONScanner
    private var hasBegun = false
    /// Whether the object has been read to its end, with nothing behind it.
    package private(set) var isComplete = false

    package init(_ text: UnsafeRawBufferPointer) { scanner = JSONScanner(text, maximumDepth: 1) }

    /// The next member; nil at the end, and where the text is not of this kind.
    package mutating func next() -> (name: Text, value: Text)? {
        do throws(JSONSyntaxError) {
            if !hasBegun {
                guard case .object = try scanner.next() else { return nil }
                hasBegun = true
            }
            guard let name = try scanner.nextMember() else {
                try scanner.finish()
                isComplete = true
                return nil
            }
            guard !name.hasEscapes, case .string(let value) = try scanner.next(), !value.hasEscapes else { return nil }
            return (name.bytes, value.bytes)
        } catch {
            return nil
        }
    }
}
