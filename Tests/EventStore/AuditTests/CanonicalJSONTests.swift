import Postgres
import TestSupport
import Testing

@testable import Audit

@Suite struct `Canonical JSON` {
    /// From RFC 8785 §3.2.2, §3.2.3 and appendix B, each sent through a `jsonb` column first, as events are.
    @Test(arguments: [
        (
            #"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "#
                + #""literals": [null, true, false]}"#,
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        ),
        (
            #"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "#
                + #""\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\","
                + "\"😀\":\"Emoji: Grinning Face\",\"\u{FB33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        ),
        (
            #"{"1": {"f": {"f": "hi", "F": 5}, "\n": 56.0}, "10": {}, "": "empty", "a": {}, "111": [{"e": "yes", "E": "no"}], "A": {}}"#,
            #"{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}"#
        ),
        (
            #"{"quote\"d": 1, "quote": [], "back\\": "\\", "back": "\\\"", "tab\t": "\u007f"}"#,
            "{\"back\":\"\\\\\\\"\",\"back\\\\\":\"\\\\\",\"quote\":[],\"quote\\\"d\":1,\"tab\\t\":\"\u{7F}\"}"
        ),
    ])
    func `of what PostgreSQL stores is that of RFC 8785`(source: String, canonical: String) async throws {
        let stored = try await TestCluster.withDatabase { target in
            try await ConnectionPool.withPool(target, logger: TestCluster.logger) { pool in
                try await pool.query(Statement("stored", "SELECT $1::jsonb"), [.jsonb(source)])[0].get(0, as: String.self)
            }
        }
        #expect(try Self.canonical(stored) == canonical)
    }

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
        try source.withBytes { bytes throws(CanonicalFormError) in try json.append(json: bytes) }
        #expect(json.isInexact)
    }

    @Test(arguments: [
        "", "{", "{\"a\":}", "[1,]", "\"open", "\"open\\\"", "nul", "1 2", "--1", "1e999", "{\"a\" 1}", "[1 2]", String(repeating: "[", count: 9999),
    ])
    func `refuses what is none`(source: String) {
        #expect(throws: CanonicalFormError.malformed) { _ = try Self.canonical(source) }
    }

    private static func canonical(_ source: String) throws -> String {
        var json = CanonicalJSON()
        try source.withBytes { bytes throws(CanonicalFormError) in try json.append(json: bytes) }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

extension String {
    func withBytes<Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        let bytes = Array(utf8)
        let result: Result<Void, Failure> = bytes.withUnsafeBytes { buffer in
            do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }
}
