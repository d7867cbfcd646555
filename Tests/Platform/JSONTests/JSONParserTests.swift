import Testing

@testable import JSON

@Suite struct `A JSON text` {
    @Test(arguments: [
        ("null", JSONValue.null), (" true ", .bool(true)), ("\tfalse\r\n", .bool(false)), ("0", .integer(0)), ("-0", .integer(0)),
        ("-12", .integer(-12)),
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

@Suite struct `JSON texts` {
    /// The kinds of cases that are known to tell parsers apart: structure, numbers, words, escapes, white space, encodings.
    @Test(arguments: [
        "[[],{}]", "[[[[]]]]", "{\"\":0}", "{\"a\":[],\"b\":{}}", "[1,2,3]", " [1] ", "\t[\r\n]\n", "[0]", "[-0]", "[-0.0]", "[1e5]", "[1E-5]",
        "[1.5e+10]",
        "[123456789012345678901234567890]", "[0.1]", "[-1]", "[1e400]", "[1e-400]", "true", "false", "null", "\"\"", "\"a\"", "-1", "0.5",
        #"["\u0000"]"#, #"["\\"]"#, #"["\/"]"#, #"["\\\""]"#, #"["\ud800\udc00"]"#, #"["\uDBFF\uDFFF"]"#, #"["\uFFFE\uFFFF"]"#, "[\"\u{7F}\"]",
        "[\"\u{80}\u{2028}\u{FEFF}\"]", "[\"\u{10FFFF}\"]", #"{"a\u0000b":1}"#, "[\"12345678\",\"1234567\\\"\"]",
    ])
    func `that keep the grammar are accepted`(text: String) {
        #expect(failure(text.utf8) == nil)
    }

    @Test(arguments: [
        "[", "]", "{", "}", "[]]", "{}}", "[,]", "[1,,2]", "[,1]", "[1,]", "{,}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1,,\"b\":2}", "{\"a\" 1}",
        "{\"a\"::1}", "{\"a\":}",
        "{:1}", "{1:1}", "{null:1}", "{\"a\":1 2}", "[1 true]", "[1:2]", "[\"a\" \"b\"]", "{]", "[}", "[1}", "{\"a\":1]", "1,", ",", ":", "[+1]",
        "[01]", "[-01]", "[00]",
        "[1.]", "[.1]", "[-.1]", "[1e]", "[1e+]", "[1e1.5]", "[-]", "[--1]", "[1-1]", "[0x10]", "[1_000]", "[Infinity]", "[-Infinity]", "[NaN]",
        "[１]", "TRUE", "tru", "truee",
        "nulls", "fals", "[True]", "'a'", "\"", "\"\\", "\"\\\"", #"["\a"]"#, #"["\'"]"#, #"["\x00"]"#, #"["\u"]"#, #"["\u1"]"#, #"["\u123"]"#,
        #"["\u123g"]"#,
        #"["\U0041"]"#, #"["\u-123"]"#, #"["\ud800"]"#, #"["\udc00"]"#, #"["\ud800a"]"#, #"["\ud800\u"]"#, #"["\ud800\n"]"#, #"["\ud800\ud800"]"#,
        #"{"\ud800":1}"#,
        "[\"a\tb\"]", "[\"a\u{0}b\"]", "[\"12345678\u{1F}\"]", "\u{FEFF}[]", "\u{A0}[]", "[\u{0C}]", "[\u{2028}]", "[1]x", "[1][2]", "// a\n1",
        "/**/1", "[1 /*a*/]",
        "a", "{a:1}", "\0", "[\0]",
    ])
    func `that break the grammar are refused`(text: String) {
        #expect(failure(text.utf8) != nil)
    }
}

@Suite struct `Names and strings of JSON` {
    /// Normalising costs more than a text's length. Each pair here differs in the order of its marks only, so whatever normalises takes it for one
    /// text.
    @Test func `are compared and hashed by their bytes, over all of Unicode`() {
        var confused: [UInt32] = []
        for value in Array(0..<0x3000) + stride(from: UInt32(0x3000), through: 0x10FFFF, by: 13) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let (one, other) = ("\(scalar)\u{301}\u{323}", "\(scalar)\u{323}\u{301}")
            let object = JSONObject([.init(name: one, value: .null)])
            let isKeptApart =
                JSONValue.string(one) != .string(other) && object != JSONObject([.init(name: other, value: .null)]) && object[other] == nil
                && object[one] == .null && Set([JSONValue.string(one), .string(other)]).count == 2
            if !isKeptApart { confused.append(value) }
        }
        #expect(confused.isEmpty)
    }

    @Test(arguments: [1, 2, 8, 9, 300]) func `cost work that grows with the text, whatever the characters are`(names: Int) throws {
        // Blocks of all planes, each as long names of one length that differ at their ends, beside the worst for normalising: marks alone.
        let starts = stride(from: UInt32(0x20), to: 0x11_0000, by: names > 9 ? 0x8000 : 0x800).filter {
            Unicode.Scalar($0) != nil && Unicode.Scalar($0 + 0x1F) != nil
        }
        for start in starts + [0x300] {
            let run = (start..<start + 0x20).compactMap(Unicode.Scalar.init).filter { $0 != "\"" && $0 != "\\" && $0.value >= 0x20 }
            let stem = String(String.UnicodeScalarView(run))
            let text = Array("{\((0..<names).map { "\"\(stem)\($0 + 1000)\":\"\(stem)\"" }.joined(separator: ","))}".utf8)
            let compared = try text.withUnsafeBytes { bytes throws -> Int in
                var builder = JSONTreeBuilder(bytes)
                #expect(try builder.document().members?.list.count == names)
                return builder.comparedBytes
            }
            #expect(compared <= 8 * text.count)
        }
    }

    @Test func `may be as long as a body, of combining marks alone`() throws {
        let marks = String(repeating: "\u{301}\u{323}", count: 225_000)
        let object = try #require(JSONValue.parse("{\"\(marks)\":1,\"a\":2}").members)
        #expect(object["a"] == .integer(2))
        #expect(object[marks] == .integer(1))
        #expect(object[String(repeating: "\u{323}\u{301}", count: 225_000)] == nil)
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
