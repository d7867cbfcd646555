import EventSourcing
import HTTPContract
import JSON
import Testing

@Suite struct `The fields of a body` {
    private enum Colour: String, CaseIterable { case red, blue }

    private struct Shout: TextValue {
        let text: String

        init(_ text: String) throws(TextViolation) {
            guard text.utf8.allSatisfy({ UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }) else { throw TextViolation("must be loud") }
            self.text = text
        }
    }

    private func fields(_ json: String) throws -> Fields { Fields(try #require(try JSONValue.parse(json).members)) }

    private func violations(_ json: String, _ read: (inout Fields) -> Void) throws -> [Violation] {
        var fields = try fields(json)
        read(&fields)
        guard let found = problem(of: { try fields.finish() }) else { return [] }
        #expect(found.code == .validationError)
        return found.details
    }

    @Test func `are told apart by their bytes, names and words alike`() throws {
        let found = try violations(#"{"\u00e9":"red","e\u0301":"\u212bred","c":"re\u0301d"}"#) {
            #expect($0.choice("\u{E9}", of: Colour.self) == .red)
            #expect($0.choice("c", of: Colour.self) == nil)
        }
        #expect(found.map { Array($0.field.utf8) } == [Array("c".utf8), Array("e\u{301}".utf8)])
    }

    @Test func `are all named at once when they are wrong`() throws {
        let found = try violations(#"{"a":"","b":7,"c":"x","d":1.5,"e":"soon","f":"green","g":7,"extra":1,"more":2}"#) {
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

    @Test func `are absent when they are null`() throws {
        var read = try fields(#"{"a":null,"b":null,"c":null,"d":null,"e":null}"#)
        #expect(read.optionalText("a", 1...5) == nil && read.optionalBool("b") == nil && read.optionalTime("c") == nil)
        #expect(read.optionalInteger("d", in: 0...1) == nil && read.optional("e", as: Shout.self) == nil)
        try read.finish()
        #expect(try violations(#"{"a":null}"#) { _ = $0.required("a", as: Shout.self) } == [Violation("a", "is required")])
    }

    @Test func `can be cleared by null where that is said`() throws {
        var read = try fields(#"{"a":null,"b":"HO"}"#)
        #expect(read.clearable("a", as: Shout.self)?.text == "" && read.clearable("b", as: Shout.self)?.text == "HO")
        #expect(read.clearable("c", as: Shout.self) == nil)
        try read.finish()
    }

    @Test func `are values with rules of their own, which say what is wrong`() throws {
        var read = try fields(#"{"a":"HEY","b":"HO"}"#)
        let (a, b) = (read.required("a", as: Shout.self), read.optional("b", as: Shout.self))
        let required = try read.finish(a)
        #expect(required.text == "HEY" && b?.text == "HO")
        let found = try violations(#"{"a":"hey","b":1}"#) {
            _ = $0.required("a", as: Shout.self)
            _ = $0.optional("b", as: Shout.self)
            _ = $0.required("c", as: Shout.self)
        }
        #expect(found == [Violation("a", "must be loud"), Violation("b", "must be a text"), Violation("c", "is required")])
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
        #expect(try violations(#"{"a":"x\u0000y"}"#) { _ = $0.optionalText("a", 1...9) }.count == 1)
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
