/// The unique name that a user is known by: 3 to 30 of `a-z 0-9 _`.
package struct Username: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    /// Nil when the text has another form.
    package init?(_ text: String) {
        let isAllowed = text.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: "_")
        }
        guard isAllowed, 3...30 ~= text.utf8.count else { return nil }
        self.text = text
    }

    package var description: String { text }
}
