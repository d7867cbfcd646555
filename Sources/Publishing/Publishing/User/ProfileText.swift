package import EventSourcing

/// The unique name that a user is known by: 3 to 30 of `a-z 0-9 _`.
package struct Username: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(3...30)
        try text.requireOnly("a-z, 0-9 and _") { $0.isLowercaseAlphanumeric || $0 == "_" }
        self.text = text
    }
}

/// The name that a user shows: one line of up to 100 characters with something to see in it. Empty for none.
package struct DisplayName: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(0...100)
        try text.requireOneLine()
        try text.requireNoDirectionControls()
        if !text.isEmpty { try text.requireVisible() }
        self.text = text
    }
}

/// A user's text about themselves: up to 2,000 characters, with line breaks and tabs. Empty for none.
package struct Bio: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(0...2000)
        try text.requireProse()
        self.text = text
    }
}
