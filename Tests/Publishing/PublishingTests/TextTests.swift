import Publishing
import Testing

@Suite struct `A slug` {
    @Test(arguments: ["a", "0", "-", "a-b-9", String(repeating: "x", count: 300)]) func `is 1 to 300 of a-z 0-9 -`(text: String) {
        #expect(Slug(text)?.text == text)
    }

    @Test(arguments: ["", "A", "a b", "a_b", "é", "a/b", "a\n", String(repeating: "x", count: 301)]) func `is nothing else`(text: String) {
        #expect(Slug(text) == nil)
    }

    @Test(arguments: [
        ("Hello, World!", "hello-world"), ("  --Dashes -- everywhere--  ", "dashes-everywhere"), ("Crème brûlée", "creme-brulee"),
        ("Cre\u{300}me", "creme"), ("ﬁne Ｗide ½", "fine-wide-1-2"), ("Straße in Łódź", "strasse-in-lodz"), ("Smørrebrød Æon", "smorrebrod-aeon"),
        ("Don't", "dont"), ("İstanbul", "istanbul"), ("C++ & Swift 6.3", "c-swift-6-3"), ("日本語", "post"), ("", "post"), ("!!!", "post"),
        ("Swift 日本", "swift"),
    ])
    func `is made from any title`(title: String, slug: String) {
        #expect(Slug(for: title).text == slug)
    }

    @Test(arguments: ["a", "ab ", "é", "ﬃ", "½-"]) func `made from a long title is acceptable and leaves room for a number`(part: String) {
        let slug = Slug(for: String(repeating: part, count: 400))
        #expect(Slug(slug.text) == slug)
        #expect(slug.text.utf8.count <= 288)
        #expect(!slug.text.hasSuffix("-"))
        #expect(slug.numbered(.max).text == slug.text + "-4294967295")
    }

    @Test func `can be numbered, and is cut only where there is no room`() throws {
        #expect(Slug(for: "A title").numbered(2).text == "a-title-2")
        let longest = try Sample.slug(String(repeating: "x", count: 300))
        #expect(longest.numbered(10).text == String(repeating: "x", count: 297) + "-10")
        #expect(Slug(longest.numbered(10).text) != nil)
    }
}

@Suite struct `An excerpt` {
    @Test func `is the first 200 Unicode scalars`() {
        #expect(Excerpt(of: String(repeating: "é", count: 201)).text == String(repeating: "é", count: 200))
        #expect(Excerpt(of: "short").text == "short")
        #expect(Excerpt(of: "").text == "")
    }

    @Test func `counts scalars, not what looks like one character`() {
        let flags = Excerpt(of: String(repeating: "\u{1F1E6}\u{1F1F9}", count: 150)).text
        #expect(flags.scalarCount == 200)
    }
}

@Suite struct `A text rule` {
    @Test func `counts Unicode scalars`() {
        #expect(TextRule.title.violation(by: String(repeating: "\u{1F600}", count: 255)) == nil)
        #expect(TextRule.title.violation(by: String(repeating: "e\u{301}", count: 128)) == "must have 1 to 255 characters")
        #expect(TextRule.title.violation(by: "") == "must have 1 to 255 characters")
        #expect(TextRule.bio.violation(by: "") == nil)
        #expect(TextRule.displayName.violation(by: String(repeating: "x", count: 101)) == "must have at most 100 characters")
    }

    @Test func `refuses what the database can't hold`() {
        #expect(TextRule.content.violation(by: "a\0b") == "must not contain the character U+0000")
    }
}

@Suite struct `A username` {
    @Test(arguments: ["abc", "a_1", "___", String(repeating: "z", count: 30)]) func `is 3 to 30 of a-z 0-9 _`(text: String) {
        #expect(Username(text)?.text == text)
    }

    @Test(arguments: ["ab", "Abc", "a-b", "ann ", "änn", "", String(repeating: "z", count: 31)]) func `is nothing else`(text: String) {
        #expect(Username(text) == nil)
    }
}

@Suite struct `An email address` {
    @Test(arguments: ["a@b", "Ann.B+c@Example.org", "\"a@b\"@c", "é@ü.example"]) func `has something on both sides of its sign`(text: String) {
        #expect(EmailAddress(text)?.text == text)
    }

    @Test(arguments: ["", " ", "a", "@", "a@", "@b", "a b@c", "a@b c", "a\0@b", "a\n@b", String(repeating: "x", count: 253) + "@y"])
    func `is nothing else`(text: String) {
        #expect(EmailAddress(text) == nil)
    }

    @Test func `is kept as written, without the space around it`() {
        #expect(EmailAddress("\t Ann@Example.org\u{A0}\n")?.text == "Ann@Example.org")
    }

    @Test func `is compared without regard to case and spelling`() throws {
        #expect(try Sample.email("E\u{301}VA@X").comparable.utf8.elementsEqual("\u{E9}va@x".utf8))
    }
}
