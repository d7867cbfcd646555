package import EventSourcing

/// A post's title: one line of 1 to 255 characters with something to see in it.
package struct Title: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(1...255)
        try text.requireOneLine()
        try text.requireNoDirectionControls()
        try text.requireVisible()
        self.text = text
    }
}

/// A post's text: 1 to 200,000 characters, with line breaks and tabs.
package struct Content: TextValue {
    package let text: String

    package init(_ text: String) throws(TextViolation) {
        try text.requireLength(1...200_000)
        try text.requireProse()
        self.text = text
    }
}
