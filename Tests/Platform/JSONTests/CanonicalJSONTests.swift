import JSON
import Testing

@Suite struct `Canonical JSON` {
    /// RFC 8785, appendix B.
    @Test(arguments: [
        ("0", "0"), ("-0.0", "0"), ("5e-324", "5e-324"), ("-5e-324", "-5e-324"), ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("9007199254740992", "9007199254740992"), ("295147905179352830000", "295147905179352830000"),
        ("9.999999999999997e22", "9.999999999999997e+22"),
        ("1e23", "1e+23"), ("1.0000000000000001e23", "1.0000000000000001e+23"), ("999999999999999700000", "999999999999999700000"),
        ("999999999999999900000", "999999999999999900000"), ("1e21", "1e+21"), ("9.999999999999997e-7", "9.999999999999997e-7"),
        ("0.000001", "0.000001"), ("333333333.3333332", "333333333.3333332"), ("333333333.33333325", "333333333.33333325"),
        ("-0.0000033333333333333333", "-0.0000033333333333333333"), ("1424953923781206.2", "1424953923781206.2"), ("12300", "12300"), ("-7", "-7"),
    ])
    func `writes numbers as ECMAScript does`(source: String, canonical: String) throws {
        #expect(try Self.canonical(source) == canonical)
    }

    @Test(arguments: ["9007199254740993", "0.1000000000000000000001", "123456789012345678901"])
    func `notices a number that no double holds`(source: String) throws {
        var json = CanonicalJSON()
        #expect(try !Array(source.utf8).withUnsafeBytes { try json.append(json: $0) })
    }

    @Test(arguments: [
        "", "{", "{\"a\":}", "[1,]", "\"open", "\"open\\\"", "nul", "1 2", "--1", "1e999", "{\"a\" 1}", "[1 2]", String(repeating: "[", count: 9999),
    ])
    func `refuses what is none`(source: String) {
        #expect(throws: JSONSyntaxError.self) { try Self.canonical(source) }
    }

    @Test(arguments: [
        (#"{"b": 1, "a": [true, {"d": null, "c": "x"}]}"#, #"{"a":[true,{"c":"x","d":null}],"b":1}"#),
        (#"{"z": "\u0041\/\u00e9\ud83d\ude00\u000a"}"#, "{\"z\":\"A/é😀\\n\"}"),
        (#"{"\u0062": 1, "a": 2}"#, #"{"a":2,"b":1}"#), (#"{"\n": 1, " ": 2, "\"": 3}"#, #"{"\n":1," ":2,"\"":3}"#),
        ("{\"\u{FB33}\": 1, \"\u{1F600}\": 2}", "{\"\u{1F600}\":2,\"\u{FB33}\":1}"), (" [ ] ", "[]"),
    ])
    func `sorts names by UTF-16 and writes each string one way`(source: String, canonical: String) throws {
        #expect(Array(try Self.canonical(source).utf8) == Array(canonical.utf8))
        #expect(try Self.canonical(canonical) == canonical)
    }

    @Test(arguments: [#"{"a":1,"a":2}"#, #"{"b":1,"a":2,"b":3}"#, #"{"a":1,"\u0061":2}"#, #"{"\n":1,"\u000a":2}"#])
    func `has each name once`(source: String) {
        #expect(throws: JSONSyntaxError.self) { try Self.canonical(source) }
    }

    @Test func `keeps names apart that only look alike`() throws {
        #expect(try Self.canonical("{\"e\u{301}\":1,\"\u{E9}\":2}").utf8.count == "{\"e\u{301}\":1,\"\u{E9}\":2}".utf8.count)
    }

    private static func canonical(_ source: String) throws -> String {
        var json = CanonicalJSON()
        _ = try Array(source.utf8).withUnsafeBytes { try json.append(json: $0) }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
