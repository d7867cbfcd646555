/// What a text that people write must be like to be kept. Lengths count Unicode scalars.
package struct TextRule: Sendable, Hashable {
    package let lengths: ClosedRange<Int>

    package static let title = TextRule(lengths: 1...255)
    package static let content = TextRule(lengths: 1...200_000)
    package static let displayName = TextRule(lengths: 0...100)
    package static let bio = TextRule(lengths: 0...2000)

    package init(lengths: ClosedRange<Int>) {
        self.lengths = lengths
    }

    /// What is wrong with the text, in words fit for its writer; nil when nothing is. Linear in the text's length.
    package func violation(by text: String) -> String? {
        guard lengths.contains(text.scalarCount) else {
            return lengths.lowerBound == 0
                ? "must have at most \(lengths.upperBound) characters" : "must have \(lengths.lowerBound) to \(lengths.upperBound) characters"
        }
        // PostgreSQL's text can't hold it: an event with it could never be projected.
        return text.utf8.contains(0) ? "must not contain the character U+0000" : nil
    }
}

extension String {
    /// The length in Unicode scalars, which is what this system calls characters. Linear.
    package var scalarCount: Int { unicodeScalars.count }

    /// Whether both are the same bytes. `==` is not enough to notice an edit: it equates composed and decomposed forms.
    func isIdentical(to other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
