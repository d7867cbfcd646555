/// A text that people write, as a type: only text that keeps the type's rule becomes a value. Values are compared byte by byte.
package protocol TextValue: Sendable, Hashable, CustomStringConvertible {
    /// As it is stored.
    var text: String { get }

    /// Throws what is wrong with the text, in words for its writer.
    init(_ text: String) throws(TextViolation)
}

extension TextValue {
    package var description: String { text }

    // `String` compares and hashes normal forms: it equates two texts that differ in their bytes, and takes quadratic time for long runs of
    // combining marks.
    package static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// Why a text can't become a value; goes on from the name of its field: "may not be empty".
package struct TextViolation: Error, Hashable {
    package let message: String

    package init(_ message: String) { self.message = message }
}
