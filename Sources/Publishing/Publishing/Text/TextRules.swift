import EventSourcing
// The whole of Foundation, in this file only: its essentials have no normal forms and no transliteration, and neither has the standard library.
import Foundation

// The parts that the rules of text values are made of. Lengths are in Unicode scalars, which is what this system calls characters. All are linear in
// the text's length.
extension String {
    /// Refuses a text whose length is outside a range, or that holds U+0000, which PostgreSQL's text can't.
    func requireLength(_ lengths: ClosedRange<Int>) throws(TextViolation) {
        if utf8.contains(0) { throw TextViolation("may not contain U+0000") }
        let count = unicodeScalars.count
        if lengths ~= count { return }
        if count == 0 { throw TextViolation("may not be empty") }
        throw TextViolation(
            count > lengths.upperBound
                ? "may have \(lengths.upperBound) characters at most, has \(count)"
                : "must have \(lengths.lowerBound) characters at least, has \(count)")
    }

    /// Refuses a text with a scalar that is not among those allowed; the message says which are: "a-z, 0-9 and -".
    func requireOnly(_ names: String, _ isAllowed: (Unicode.Scalar) -> Bool) throws(TextViolation) {
        guard unicodeScalars.allSatisfy(isAllowed) else { throw TextViolation("may only contain \(names)") }
    }

    /// Refuses control characters and separators of lines.
    func requireOneLine() throws(TextViolation) {
        if unicodeScalars.contains(where: { $0.isControl || $0.endsLine }) {
            throw TextViolation("may not contain control characters or line breaks")
        }
    }

    /// Refuses the characters that embed, override or isolate a direction (UAX #9 §2): they make one text look like another.
    func requireNoDirectionControls() throws(TextViolation) {
        if unicodeScalars.contains(where: { 0x202A...0x202E ~= $0.value || 0x2066...0x2069 ~= $0.value }) {
            throw TextViolation("may not contain characters that change the direction of text")
        }
    }

    /// Refuses control characters other than line breaks and tabs.
    func requireProse() throws(TextViolation) {
        if unicodeScalars.contains(where: { $0.isControl && $0 != "\n" && $0 != "\r" && $0 != "\t" }) {
            throw TextViolation("may not contain control characters other than line breaks and tabs")
        }
    }

    /// Refuses a text with nothing to see in it.
    func requireVisible() throws(TextViolation) {
        guard unicodeScalars.contains(where: \.isVisible) else { throw TextViolation("must have a character that can be seen") }
    }
}

extension Unicode.Scalar {
    var isLowercaseAlphanumeric: Bool { "a"..."z" ~= self || "0"..."9" ~= self }

    /// General category Cc.
    var isControl: Bool { value < 0x20 || 0x7F...0x9F ~= value }

    /// The two separators that break a line without being control characters.
    var endsLine: Bool { value == 0x2028 || value == 0x2029 }

    /// Whether there is anything to see of it, alone or on another. Braille's blank is a symbol like its others, and empty.
    var isVisible: Bool {
        !isControl && self != "\u{2800}" && !properties.isWhitespace && !properties.isDefaultIgnorableCodePoint
            && properties.generalCategory != .format
    }
}

extension String {
    /// Normal form C (UAX #15): one spelling for what a reader can't tell apart.
    var composed: String { precomposedStringWithCanonicalMapping }

    /// Normal form KD (UAX #15): marks apart from their letters, ligatures and wide forms as plain letters.
    var decomposedCompatibly: String { decomposedStringWithCompatibilityMapping }

    /// In lower-case Latin letters without marks, as far as ICU can write the text so: "Привет" as "privet".
    var latinized: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return lowercased() }
        // The compiler finds it only with `self`.
        return self.applyingTransform(StringTransform("Any-Latin; Latin-ASCII; Lower()"), reverse: false) ?? lowercased()
    }

    /// A host's name in its ASCII form, as the DNS has it (UTS #46): "Bücher.example" as "xn--bcher-kva.example". In lower case where it has none.
    var asciiHost: String {
        if utf8.allSatisfy({ $0 < 0x80 }) { return lowercased() }
        return (URL(string: "http://\(self)/")?.host ?? self).lowercased()
    }
}
