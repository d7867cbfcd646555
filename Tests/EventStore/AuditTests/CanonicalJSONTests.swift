import JSON
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `The canonical form of what PostgreSQL stores` {
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
    func `is that of RFC 8785`(source: String, canonical: String) async throws {
        let stored = try await TestCluster.withDatabase { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                try await pool.query(Statement("stored", "SELECT $1::jsonb"), [.jsonb(source)])[0].get(0, as: String.self)
            }
        }
        #expect(try Self.canonical(stored) == canonical)
    }

    private static func canonical(_ source: String) throws -> String {
        var json = CanonicalJSON()
        _ = try Array(source.utf8).withUnsafeBytes { try json.append(json: $0) }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
