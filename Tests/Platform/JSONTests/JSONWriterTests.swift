import JSON
import TestSupport
import Testing

@Suite struct `Written JSON` {
    @Test func `is compact, with members in their order`() {
        let value = JSONValue.object(["z": .array([.integer(1), .null, .bool(true)]), "a": .object([:]), "m": .array([]), "s": .string("x")])
        #expect(value.serialized == #"{"z":[1,null,true],"a":{},"m":[],"s":"x"}"#)
        #expect(value.encoded == Array(value.serialized.utf8))
    }

    @Test func `escapes what must be, and nothing else`() {
        #expect(
            JSONValue.string("\"\\/\u{8}\t\n\u{C}\r\0\u{1F}\u{7F}é\u{1F600}\u{2028}").serialized
                == "\"\\\"\\\\/\\b\\t\\n\\f\\r\\u0000\\u001f\u{7F}é\u{1F600}\u{2028}\"")
        #expect(JSONValue.object(["a\"b": .null]).serialized == #"{"a\"b":null}"#)
    }

    @Test(arguments: [
        (0.5, "0.5"), (-0.0, "0"), (1000, "1000"), (1e15, "1000000000000000"), (0x1.fffffffffffffp53, "18014398509481982"),
        (0x1p54, "18014398509481984"), (1e21, "1e+21"), (1e-7, "1e-7"), (1.5e-6, "0.0000015"), (0.1, "0.1"), (.leastNonzeroMagnitude, "5e-324"),
        (-1.5e300, "-1.5e+300"),
    ])
    func `has the shortest number that reads back the same`(value: Double, text: String) throws {
        #expect(JSONValue.number(value).serialized == text)
        #expect(Double(text) == value)
        _ = try JSONValue.parse(text)
    }

    @Test func `made piece by piece is the same as made from a tree`() throws {
        var writer = JSONWriter()
        writer.object {
            $0.name("list")
            $0.array {
                $0.integer(1)
                $0.string("two")
                $0.raw("[3]")
                $0.value(.object(["four": .number(0.5)]))
                $0.raw([UInt8]("5".utf8))
            }
            $0.name("none")
            $0.null()
            $0.name("yes")
            $0.bool(true)
        }
        #expect(writer.text == #"{"list":[1,"two",[3],{"four":0.5},5],"none":null,"yes":true}"#)
        #expect(try JSONValue.parse(writer.bytes).serialized == writer.text)
    }

    @Test(arguments: (0..<20).map { _ in UInt64.random(in: 0 ... .max) }) func `reads back as the tree it was`(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let value = JSONValue.random(depth: 4, using: &random)
            #expect(try JSONValue.parse(value.encoded) == value, "seed \(seed)")
        }
    }
}

@Suite struct `A JSON object` {
    @Test func `reads, replaces, adds and removes members in place`() {
        var object: JSONObject = ["a": .integer(1), "b": .integer(2)]
        object["a"] = .integer(3)
        object["c"] = .null
        #expect(object.names == ["a", "b", "c"])
        #expect(object["a"] == .integer(3))
        #expect(object["c"] == .null)
        #expect(object["d"] == nil)
        object["b"] = nil
        object["d"] = nil
        #expect(object == ["a": .integer(3), "c": .null])
        #expect(!object.isEmpty)
        #expect(JSONObject().isEmpty)
    }

    @Test func `is reached through a value of its kind only`() {
        #expect(JSONValue.object(["a": .string("x")])["a"]?.text == "x")
        #expect(JSONValue.array([])["a"] == nil)
        #expect(JSONValue.string("1").int == nil)
        #expect(JSONValue.integer(1).text == nil)
        #expect(JSONValue.number(1).int == nil)
    }
}

extension JSONValue {
    fileprivate static func random(depth: Int, using random: inout SeededRandom) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: .null
        case 1: .bool(.random(using: &random))
        case 2: .integer(Int64(bitPattern: random.next()) >> Int64.random(in: 0..<64, using: &random))
        // Halves, because a whole number is written without a fraction and reads back as an integer.
        case 3: .number(Double(Int32.random(in: -1000...1000, using: &random)) + 0.5)
        case 4, 5: .string(text(using: &random))
        case 6: .array((0..<Int.random(in: 0..<5, using: &random)).map { _ in Self.random(depth: depth - 1, using: &random) })
        default:
            .object(
                (0..<Int.random(in: 0..<5, using: &random)).reduce(into: JSONObject()) { object, index in
                    object["\(index)\(text(using: &random))"] = Self.random(depth: depth - 1, using: &random)
                })
        }
    }

    private static func text(using random: inout SeededRandom) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<12, using: &random) {
            let limit: UInt32 = Bool.random(using: &random) ? 0x80 : 0x10FFFF
            if let scalar = Unicode.Scalar(UInt32.random(in: 0...limit, using: &random)) { text.append(scalar) }
        }
        return String(text)
    }
}

@Suite struct `Text for a terminal` {
    @Test func `has escapes in the place of what could steer it`() {
        #expect(
            "\u{1B}[2J\u{7F}\u{9B}1m\u{202E}x\u{2066}\u{200F}\u{2028}\u{61C}\0".escapingControls
                == #"\u001b[2J\u007f\u009b1m\u202ex\u2066\u200f\u2028\u061c\u0000"#)
    }

    @Test func `keeps everything else as it is`() {
        let text = "Über alles 👩‍👩‍👧 مرحبا \u{A0}\u{1F600} \"\\\" é"
        #expect(text.escapingControls.unicodeScalars.elementsEqual(text.unicodeScalars))
    }

    @Test func `is the same JSON as before`() throws {
        let value = JSONValue.object(["a\u{9B}\u{1B}": .string("\u{7F}\u{85}\u{202E}\\u0041\n\"")])
        let escaped = value.serialized.escapingControls
        #expect(!escaped.unicodeScalars.contains { $0.properties.generalCategory == .control })
        let parsed = try JSONValue.parse(escaped)
        #expect(parsed == value)
    }
}

@Suite struct `JSON sorted by name` {
    @Test(arguments: [
        (#"{"b":1,"a":{"d":[{"f":1,"e":2}],"c":null}}"#, #"{"a":{"c":null,"d":[{"e":2,"f":1}]},"b":1}"#), ("[2,1]", "[2,1]"),
        (#"{"é":1,"z":2,"Z":3}"#, #"{"Z":3,"z":2,"é":1}"#), (#"{"a":1.0,"A":"e\u0301"}"#, "{\"A\":\"e\u{301}\",\"a\":1}"),
    ])
    func `is one text for whatever says the same`(text: String, sorted: String) throws {
        #expect(Array(try JSONValue.parse(text).sortedByName.serialized.utf8) == Array(sorted.utf8))
    }
}
