import EventSourcing
import HTTPContract
import JSON
import Testing

@Suite struct `The fields of a body` {
    private enum Colour: String, CaseIterable { case red, blue }

    private func fields(_ json: String) throws -> Fields { Fields(try #require(try JSONValue.parse(json).members)) }

    private func violations(_ json: String, _ read: (inout Fields) -> Void) throws -> [Violation] {
        var fields = try fields(json)
        read(&fields)
        guard let found = problem(of: { try fields.finish() }) else { return [] }
        #expect(found.code == .validationError)
        return found.details
    }

    @Test func `are all named at once when they are wrong`() throws {
        let found = try violations(#"{"a":"","b":7,"c":"x","d":1.5,"e":"soon","f":"green","g":null,"extra":1,"more":2}"#) {
            _ = $0.text("a", 1...5)
            _ = $0.text("b", 1...5)
            _ = $0.optionalBool("c")
            _ = $0.optionalInteger("d", in: 1...9)
            _ = $0.optionalTime("e")
            _ = $0.choice("f", of: Colour.self)
            _ = $0.optionalText("g", 1...5)
            _ = $0.text("missing", 1...5)
            $0.refuse("h", "is odd")
        }
        #expect(found.map(\.field) == ["a", "b", "c", "d", "e", "f", "g", "missing", "h", "extra", "more"])
    }

    @Test func `are read when they are right`() throws {
        var read = try fields(#"{"a":"text","b":true,"c":9,"d":"2026-01-31T12:00:00.000Z","e":"blue"}"#)
        #expect(read.text("a", 1...5) == "text")
        #expect(read.optionalBool("b") == true)
        #expect(read.optionalInteger("c", in: 1...9) == 9)
        #expect(read.optionalTime("d")?.description == "2026-01-31T12:00:00.000Z")
        #expect(read.choice("e", of: Colour.self) == .blue)
        try read.finish()
    }

    @Test func `may be absent where that is said`() throws {
        var read = try fields("{}")
        #expect(read.optionalText("a", 1...5) == nil && read.optionalBool("b") == nil && read.optionalTime("c") == nil)
        #expect(read.optionalInteger("d", in: 0...1) == nil)
        try read.finish()
    }

    @Test func `mean empty when null and nullable`() throws {
        var read = try fields(#"{"bio":null}"#)
        #expect(read.optionalText("bio", 0...5, nullable: true) == "")
        try read.finish()
    }

    @Test func `are counted in Unicode scalars`() throws {
        // One visible character, seven scalars.
        let family = "👩‍👩‍👧‍👦"
        #expect(try violations("{\"a\":\"\(family)\"}") { _ = $0.text("a", 1...7) }.isEmpty)
        #expect(try violations("{\"a\":\"\(family)\"}") { _ = $0.text("a", 1...6) }.count == 1)
        #expect(try violations("{\"a\":\"abc\"}") { _ = $0.text("a", 4...6) }.count == 1)
    }

    @Test func `may not contain U+0000`() throws {
        #expect(try violations(#"{"a":"x\u0000y"}"#) { _ = $0.text("a", 1...9) } == [Violation("a", "may not contain U+0000")])
        #expect(try violations(#"{"a":"x\u0000y"}"#) { _ = $0.optionalText("a", 1...9, matching: .prose) }.count == 1)
    }

    @Test func `that nobody asked for are not counted without end`() throws {
        let many = "{" + (0..<5000).map { "\"f\($0)\":1" }.joined(separator: ",") + "}"
        #expect(try violations(many) { _ in }.count == HTTPLimits.maximumViolations)
        let fields = try fields(many)
        #expect(
            problem {
                var fields = fields
                try fields.finish()
            }?.detail == "5000 fields are not acceptable; the first 100 are named.")
    }

    @Test func `that nobody asked for are named in a hundred characters at most`() throws {
        let (longest, longer) = (String(repeating: "é", count: 100), String(repeating: "🔑", count: 20_000))
        let found = try violations("{\"\(longest)\":1,\"\(longer)\":2}") { _ in }
        #expect(found.map(\.field) == [longest, String(repeating: "🔑", count: 100)])
    }

    @Test(arguments: ["1e999", "-1e999", String(repeating: "9", count: 400), "0.1e400"])
    func `are refused one by one for numbers past all bounds`(number: String) throws {
        let found = try violations("{\"a\":\(number),\"b\":\(number),\"c\":[\(number)]}") {
            _ = $0.text("a", 1...5)
            _ = $0.optionalInteger("b", in: 1...9)
        }
        #expect(found.map(\.field) == ["a", "b", "c"])
    }
}

@Suite struct `A rule for texts` {
    @Test(arguments: [
        (TextRule.username, "ann_7"), (.slug, "a-b-7"), (.email, "ann@example.org"), (.email, "a.b+c@mail.example.co.uk"),
        (.email, "ünï@exämple.org"), (.email, "a!#$%&'*+-/=?^_`{|}~z@x-1.example"), (.email, "पता@उदाहरण.भारत"), (.email, "  ann@example.org\n"),
        (.line, "One line, 👋"), (.line, " "), (.title, "👋"), (.title, " a "), (.title, "\u{301}"), (.title, "日本語"), (.title, "\u{200D}a"),
        (.prose, "two\nlines\twith\r\ntabs"),
    ])
    func `lets through what it is for`(row: (TextRule, String)) {
        #expect(row.0.objection(to: row.1) == nil)
    }

    @Test(arguments: [
        (TextRule.username, "Ann"), (.username, "a-b"), (.username, "é"), (.username, "a\u{301}"), (.slug, "a_b"), (.slug, "A"), (.slug, "a b"),
        (.email, "ann"), (.email, "ann@"),
        (.email, "@example.org"), (.email, "a@b@c.org"), (.email, "a b@c.org"), (.email, "ann@localhost"), (.email, "ann@example..org"),
        (.email, "ann@-x.org"),
        (.email, "ann\n@example.org"), (.email, "ann\u{200B}@example.org"), (.email, String(repeating: "a", count: 65) + "@example.org"),
        (.email, "<ann>@example.org"), (.email, "a,b@example.org"), (.email, "a;b@example.org"), (.email, "a:b@example.org"),
        (.email, "\"a b\"@example.org"), (.email, "\"ab\"@example.org"), (.email, "ann(x)@example.org"), (.email, "[ann]@example.org"),
        (.email, "a\\b@example.org"), (.email, ".ann@example.org"), (.email, "ann.@example.org"), (.email, "an..n@example.org"),
        (.email, "ann@[192.0.2.1]"), (.email, "ann@exa_mple.org"), (.email, "ann@example.org>"), (.email, "ann@exam(x)ple.org"),
        (.email, "ann@example\u{3002}org"), (.email, "ann@ex😀.org"), (.email, "ann@ex+.org"), (.email, "Ann <ann@example.org>"),
        (.email, "ann@example .org"),
        (.title, " "), (.title, "\u{200B}"), (.title, "\u{FEFF}\u{2060}\u{A0}\u{3000}"), (.title, "\u{3164}"), (.title, "two\nlines"),
        (.title, "two\u{2028}lines"), (.line, "two\u{2028}lines"), (.line, "two\u{2029}paragraphs"), (.line, "two\nlines"),
        (.line, "tab\t"), (.line, "\u{85}"), (.prose, "bell\u{7}"), (.prose, "\u{9F}"),
    ])
    func `objects to anything else`(row: (TextRule, String)) {
        #expect(row.0.objection(to: row.1) != nil)
    }

    @Test func `holds addresses to 254 bytes`() {
        let domain = Array(repeating: String(repeating: "d", count: 47), count: 4).joined(separator: ".") + ".org"
        let longest = String(repeating: "a", count: 254 - domain.count - 1) + "@" + domain
        #expect(longest.utf8.count == 254 && TextRule.email.objection(to: longest) == nil)
        #expect(TextRule.email.objection(to: "a" + longest) != nil)
    }
}
