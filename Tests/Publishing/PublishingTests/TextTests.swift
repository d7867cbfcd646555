import EventSourcing
import Publishing
import Testing

@Suite struct `A slug` {
    @Test(arguments: ["a", "0", "-", "a-b-9", String(repeating: "x", count: 300)]) func `is 1 to 300 of a-z 0-9 -`(text: String) {
        #expect(violation(Slug.self, text) == nil)
    }

    @Test(arguments: ["", "A", "a b", "a_b", "é", "a/b", "a\n", String(repeating: "x", count: 301)]) func `is nothing else`(text: String) {
        #expect(violation(Slug.self, text) != nil)
    }

    @Test(arguments: [
        ("Hello, World!", "hello-world"), ("  --Dashes -- everywhere--  ", "dashes-everywhere"), ("Crème brûlée", "creme-brulee"),
        ("Cre\u{300}me", "creme"), ("ﬁne Ｗide ½", "fine-wide-1-2"), ("Straße in Łódź", "strasse-in-lodz"), ("Smørrebrød Æon", "smorrebrod-aeon"),
        ("Don't", "dont"), ("İstanbul", "istanbul"), ("C++ & Swift 6.3", "c-swift-6-3"), ("日本語", "ri-ben-yu"), ("Swift 日本", "swift-ri-ben"),
        ("Привет, мир", "privet-mir"), ("ı œ", "i-oe"), ("한국어", "hangug-eo"), ("Ελληνικά", "ellenika"),
    ])
    func `is made from any title`(title: String, slug: String) {
        #expect(Slug(for: title).text == slug)
    }

    @Test(arguments: ["", "!!!", "👋", "😀😀"]) func `is a hash of a title of which no letter remains`(title: String) throws {
        let slug = Slug(for: title)
        #expect(slug.text.hasPrefix("post-") && violation(Slug.self, slug.text) == nil)
        #expect(slug == Slug(for: title) && slug != Slug(for: title + "!"))
    }

    @Test(arguments: ["a", "ab ", "é", "ﬃ", "½-"]) func `made from a long title is acceptable and leaves room for a number`(part: String) throws {
        let slug = Slug(for: String(repeating: part, count: 400))
        #expect(try Slug(slug.text) == slug)
        #expect(slug.text.utf8.count <= 288)
        #expect(!slug.text.hasSuffix("-"))
        #expect(slug.numbered(.max).text == slug.text + "-4294967295")
    }

    @Test func `can be numbered, and is cut only where there is no room`() throws {
        #expect(Slug(for: "A title").numbered(2).text == "a-title-2")
        let longest = try Slug(String(repeating: "x", count: 300))
        #expect(longest.numbered(10).text == String(repeating: "x", count: 297) + "-10")
        #expect(violation(Slug.self, longest.numbered(10).text) == nil)
    }
}

@Suite struct `A value that people write` {
    @Test func `says what is wrong with a text, in the words of its field`() {
        #expect(violation(Title.self, "") == "may not be empty")
        #expect(violation(Title.self, String(repeating: "x", count: 256)) == "may have 255 characters at most, has 256")
        #expect(violation(Username.self, "ab") == "must have 3 characters at least, has 2")
        #expect(violation(Username.self, "a-b") == "may only contain a-z, 0-9 and _")
        #expect(violation(Slug.self, "a_b") == "may only contain a-z, 0-9 and -")
        #expect(violation(Email.self, "ann") == "is not an email address")
        #expect(violation(Bio.self, "a\u{7}") == "may not contain control characters other than line breaks and tabs")
        #expect(violation(Title.self, "a\nb") == "may not contain control characters or line breaks")
        #expect(violation(Title.self, "\u{200B}") == "must have a character that can be seen")
    }

    @Test func `counts Unicode scalars`() {
        #expect(violation(Title.self, String(repeating: "\u{1F600}", count: 255)) == nil)
        #expect(violation(Title.self, String(repeating: "e\u{301}", count: 128)) == "may have 255 characters at most, has 256")
        #expect(violation(Content.self, String(repeating: "e", count: 200_001)) == "may have 200000 characters at most, has 200001")
        #expect(violation(DisplayName.self, String(repeating: "x", count: 101)) != nil && violation(DisplayName.self, "") == nil)
        #expect(violation(Bio.self, String(repeating: "x", count: 2001)) != nil && violation(Bio.self, "") == nil)
    }

    @Test func `never holds what the database can't`() {
        for problem in [violation(Content.self, "a\0b"), violation(Title.self, "\0"), violation(Bio.self, "\0"), violation(Email.self, "a\0@b.org")] {
            #expect(problem == "may not contain U+0000")
        }
    }

    @Test func `is another one when its bytes are others, however alike it looks`() throws {
        let (composed, decomposed) = (try Title("\u{E9}"), try Title("e\u{301}"))
        #expect(composed != decomposed && Set([composed, decomposed]).count == 2)
        #expect(try composed == Title("\u{E9}"))
    }
}

@Suite struct `A username` {
    @Test(arguments: ["abc", "a_1", "___", "ann_7", String(repeating: "z", count: 30)]) func `is 3 to 30 of a-z 0-9 _`(text: String) {
        #expect(violation(Username.self, text) == nil)
    }

    @Test(arguments: ["ab", "Abc", "a-b", "ann ", "änn", "a\u{301}nn", "", String(repeating: "z", count: 31)]) func `is nothing else`(text: String) {
        #expect(violation(Username.self, text) != nil)
    }
}

@Suite struct `A title` {
    @Test(arguments: ["👋", " a ", "\u{301}", "日本語", "\u{200D}a", "One line, 👋"]) func `is a line with something to see`(text: String) {
        #expect(violation(Title.self, text) == nil)
    }

    @Test(arguments: [
        " ", "\u{200B}", "\u{FEFF}\u{2060}\u{A0}\u{3000}", "\u{3164}", "two\nlines", "two\u{2028}lines", "tab\t", "\u{85}", "a\u{202E}b", "\u{2068}a",
    ])
    func `is nothing else`(text: String) {
        #expect(violation(Title.self, text) != nil)
    }
}

@Suite struct `A display name` {
    @Test(arguments: ["One name, 👋", "", "שלום", "عربي ‏"]) func `is a line or nothing`(text: String) {
        #expect(violation(DisplayName.self, text) == nil)
    }

    @Test(arguments: [
        "two\u{2028}lines", "two\u{2029}paragraphs", "two\nlines", "tab\t", "\u{85}", " ", "\u{200B}", "\u{3164}", "\u{2800}", "Ann\u{202E}",
        "a\u{2066}b",
    ])
    func `is nothing else`(text: String) {
        #expect(violation(DisplayName.self, text) != nil)
    }
}

@Suite struct `A content` {
    @Test func `has line breaks and tabs, and no other control characters`() {
        #expect(violation(Content.self, "two\nlines\twith\r\ntabs") == nil)
        #expect(violation(Content.self, "bell\u{7}") != nil && violation(Content.self, "\u{9F}") != nil)
    }
}

@Suite struct `An email address` {
    @Test(arguments: [
        "ann@example.org", "a.b+c@mail.example.co.uk", "ünï@exämple.org", "a!#$%&'*+-/=?^_`{|}~z@x-1.example", "पता@उदाहरण.भारत",
        "  ann@example.org\n", "Ann.B+c@Example.org",
    ])
    func `is one that mail can be sent to`(text: String) {
        #expect(violation(Email.self, text) == nil)
    }

    @Test(arguments: [
        "", " ", "ann", "@", "ann@", "@example.org", "a@b@c.org", "a b@c.org", "ann@localhost", "ann@example..org", "ann@-x.org", "ann\n@example.org",
        "ann\u{200B}@example.org", String(repeating: "a", count: 65) + "@example.org", "<ann>@example.org", "a,b@example.org", "a;b@example.org",
        "a:b@example.org", "\"a b\"@example.org", "\"ab\"@example.org", "ann(x)@example.org", "[ann]@example.org", "a\\b@example.org",
        ".ann@example.org", "ann.@example.org", "an..n@example.org", "ann@[192.0.2.1]", "ann@exa_mple.org", "ann@example.org>",
        "ann@exam(x)ple.org", "ann@ex😀.org", "ann@ex+.org", "Ann <ann@example.org>", "ann@example .org",
        "ann@example\u{3002}org",
    ])
    func `is nothing else`(text: String) {
        #expect(violation(Email.self, text) != nil)
    }

    @Test func `has no label that begins with a mark, which would join the sign before it`() {
        for text in ["a@\u{301}x.example", "a@x.\u{301}example"] { #expect(violation(Email.self, text) != nil, "\(text)") }
    }

    @Test func `has 254 bytes at most`() {
        let domain = Array(repeating: String(repeating: "d", count: 47), count: 4).joined(separator: ".") + ".org"
        let longest = String(repeating: "a", count: 254 - domain.count - 1) + "@" + domain
        #expect(longest.utf8.count == 254 && violation(Email.self, longest) == nil)
        #expect(violation(Email.self, "a" + longest) != nil)
    }

    @Test func `is kept as written, without the space around it`() throws {
        #expect(try Email("\t Ann@Example.org\u{A0}\n").text == "Ann@Example.org")
    }

    @Test func `is compared with the domain as the DNS has it`() throws {
        let forms = ["a@bücher.example", "A@BÜCHER.example", "a@xn--bcher-kva.example", "a@ｂücher.example", "a@bu\u{308}cher.example"]
        #expect(Set(try forms.map { try Email($0).comparable }) == ["a@xn--bcher-kva.example"])
        #expect(try Email("ü@b.example").comparable == "ü@b.example")
    }

    @Test func `is compared without regard to case and spelling`() throws {
        #expect(try Email("E\u{301}VA@X.example").comparable.utf8.elementsEqual("\u{E9}va@x.example".utf8))
    }
}
