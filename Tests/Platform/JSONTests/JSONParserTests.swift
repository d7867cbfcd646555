import Testing

@testable import JSON

@Suite struct `A JSON text` {
    @Test(arguments: [
        ("null", JSONValue.null), (" true ", .bool(true)), ("\tfalse\r\n", .bool(false)), ("0", .integer(0)), ("-0", .integer(0)), ("-12", .integer(-12)),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)),
        ("1.0", .number(1)), ("-0.5", .number(-0.5)), ("1e3", .number(1000)), ("1E+3", .number(1000)), ("25e-2", .number(0.25)),
        ("\"\"", .string("")),
        ("[]", .array([])), ("{}", .object([:])), ("[1, [2] ,{\"a\" : null}]", .array([.integer(1), .array([.integer(2)]), .object(["a": .null])])),
    ])
    func `is read as what it says`(text: String, value: JSONValue) throws {
        #expect(try JSONValue.parse(text) == value)
    }

    @Test(arguments: [
        ("", 0), (" ", 1), ("nul", 0), ("True", 0), ("1 2", 2), ("{} x", 3), ("[1,]", 3), ("[1", 2), ("[1 2]", 3), ("{\"a\"}", 4), ("{\"a\":1,}", 7),
        ("{a:1}", 1),
        ("{\"a\":1 \"b\":2}", 7), ("{\"a\":", 5), ("01", 1), ("-", 1), ("+1", 0), ("1.", 2), (".5", 0), ("1e", 2), ("0x1", 1), ("NaN", 0), ("'a'", 0),
        ("\"a", 2),
        ("\"\\", 2), ("\"\\x\"", 3), ("\"\\u12\"", 3), ("\"\\u12G4\"", 5), ("\"a\nb\"", 2), ("\"a\\n\u{1}\"", 4), ("\u{FEFF}1", 0), ("/*c*/1", 0),
    ])
    func `that breaks the grammar is refused where it breaks`(text: String, offset: Int) {
        #expect(failure(text.utf8)?.offset == offset, "\(String(describing: failure(text.utf8)))")
    }

    @Test func `may say a name once only`() {
        #expect(failure("{\"a\":1,\"b\":2,\"a\":3}".utf8) == JSONSyntaxError(reason: "a member's name stands twice", offset: 13))
        #expect(failure("{\"a\":1,\"\\u0061\":3}".utf8)?.offset == 7)
    }

    /// jsonb and RFC 8785 keep them apart, so an event of the log can have both.
    @Test(arguments: [0, 20]) func `may have two names that only look alike`(others: Int) throws {
        let members = (0..<others).map { "\"n\($0)\":0" } + ["\"\u{E9}\":1", "\"e\u{301}\":2", "\"K\":3", "\"\u{212A}\":4"]
        let object = try #require(JSONValue.parse("{\(members.joined(separator: ","))}").members)
        #expect(object.list.count == others + 4)
        #expect(object["\u{E9}"] == .integer(1) && object["e\u{301}"] == .integer(2))
        #expect(object["K"] == .integer(3) && object["\u{212A}"] == .integer(4))
        #expect(failure("{\((members + ["\"e\\u0301\":5"]).joined(separator: ","))}".utf8)?.reason == "a member's name stands twice")
    }

    @Test(arguments: [("1e309", false), ("-1e309", true), ("123456789e999", false), (String(repeating: "9", count: 400), false)])
    func `may have a number that a double can't hold, and is written as such again`(text: String, isNegative: Bool) throws {
        let read = try JSONValue.parse("[\(text)]")
        #expect(read == .array([.number(isNegative ? -.infinity : .infinity)]))
        #expect(try JSONValue.parse(read.serialized) == read)
    }

    @Test func `may nest as deep as allowed and no deeper`() throws {
        func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        func objects(_ depth: Int) -> String { String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth) }
        #expect(throws: Never.self) { try JSONValue.parse(nested(64)) }
        #expect(throws: Never.self) { try JSONValue.parse(objects(64)) }
        #expect(failure(nested(65).utf8) == JSONSyntaxError(reason: "nested deeper than 64 levels", offset: 64))
        #expect(failure(objects(65).utf8)?.reason == "nested deeper than 64 levels")
        #expect(failure(String(repeating: "[", count: 1_000_000).utf8)?.offset == 64)
    }
}

@Suite struct `A JSON string` {
    @Test(arguments: [
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u00E9\uFFFF""#, "A\u{E9}\u{E9}\u{FFFF}"),
        (#""\ud83d\ude00""#, "\u{1F600}"),
        (#""\uDBFF\uDFFF""#, "\u{10FFFF}"), ("\"\u{1F600}\u{7F}\"", "\u{1F600}\u{7F}"), (#""a\u0000b""#, "a\0b"), (#""é\n""#, "é\n"),
    ])
    func `has its escapes undone`(text: String, value: String) throws {
        let read = try #require(try JSONValue.parse(text).text)
        #expect(Array(read.utf8) == Array(value.utf8))
    }

    @Test(arguments: [#""\ud83d""#, #""\ude00""#, #""\ud83d\u0041""#, #""\ud83dx""#, #""\ud83d\ud83d""#, #""\ude00\ud83d""#, #""\ud83d\n""#])
    func `has no lone surrogate`(text: String) {
        #expect(failure(text.utf8)?.reason == "a lone surrogate")
    }

    @Test(
        arguments: [
            [0x80], [0xC3], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xF0, 0x80, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFE], [0xFF],
            [0xC3, 0x28],
        ] as [[UInt8]])
    func `is UTF-8, in its shortest form, without surrogates`(bytes: [UInt8]) {
        #expect(failure([0x22] + bytes + [0x22])?.reason == "not UTF-8")
        #expect(failure([0x22, 0x5C, 0x6E] + bytes + [0x22])?.reason == "not UTF-8")
        #expect(failure([0x7B, 0x22] + bytes + [0x22, 0x3A, 0x31, 0x7D])?.reason == "not UTF-8")
    }

    @Test func `keeps composed and decomposed letters apart`() throws {
        let decomposed = try #require(try JSONValue.parse("\"e\u{301}\"").text)
        #expect(decomposed.unicodeScalars.count == 2)
    }
}

private func failure(_ bytes: some Sequence<UInt8>) -> JSONSyntaxError? {
    do throws(JSONSyntaxError) {
        _ = try JSONValue.parse(bytes)
        return nil
    } catch {
        return error
    }
}

@Suite struct `The names of a large object` {
    @Test func `may stand only once, however many there are`() throws {
        for count in [2, 7, 8, 9, 40] {
            let members = (0..<count).map { "\"n\($0)\": \($0)" }
            #expect(try JSONValue.parse("{\(members.joined(separator: ","))}").members?.list.count == count)
            for repeated in [0, count / 2, count - 1] {
                #expect(throws: JSONSyntaxError.self) { try JSONValue.parse("{\((members + [members[repeated]]).joined(separator: ","))}") }
            }
        }
    }
}
