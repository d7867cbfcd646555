import FoundationEssentials
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A value` {
    private func roundTrip<T: SQLDecodable & Equatable & Sendable>(_ value: SQLValue, _ type: String, as expected: T) async throws {
        try await withPool { pool in
            let row = try await pool.query(Statement("echo_\(type)", "SELECT $1::\(type), pg_typeof($1)::text"), [value])[0]
            #expect(try row.get(0, as: T.self) == expected)
            #expect(try row.get(0, as: T?.self) == expected)
        }
    }

    @Test(arguments: [Int64.min, -1, 0, 1, .max]) func `of an integer type comes back`(number: Int64) async throws {
        try await roundTrip(.int8(number), "int8", as: number)
        try await roundTrip(.int4(Int32(truncatingIfNeeded: number)), "int4", as: Int32(truncatingIfNeeded: number))
        try await roundTrip(.int2(Int16(truncatingIfNeeded: number)), "int2", as: Int16(truncatingIfNeeded: number))
    }

    @Test(arguments: [0.1, -0.0, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .infinity, -.infinity])
    func `of a floating-point type comes back to the bit`(number: Double) async throws {
        try await withPool { pool in
            let back: Double = try await pool.query(.echo, [.double(number)])[0].get(0)
            #expect(back.bitPattern == number.bitPattern)
        }
    }

    @Test(arguments: ["", "plain", "Grüße, 世界", "👩‍👩‍👧‍👦🏳️‍🌈", "'; DROP TABLE users; --", "\u{1}\u{7f}\u{10FFFF}", "e\u{301}"])
    func `of text comes back byte for byte`(text: String) async throws {
        try await withPool { pool in
            let row = try await pool.query(.echo, [.text(text)])[0]
            #expect(Array(try row.get(0, as: String.self).utf8) == Array(text.utf8))
            #expect(row.withBytes(0) { Array($0) } == Array(text.utf8))
        }
    }

    @Test func `of every other scalar type comes back`() async throws {
        let id = UUID()
        try await roundTrip(.bool(true), "bool", as: true)
        try await roundTrip(.bool(false), "bool", as: false)
        try await roundTrip(.uuid(id), "uuid", as: id)
        try await roundTrip(.bytes([]), "bytea", as: [UInt8]())
        try await roundTrip(.bytes([0, 255, 0]), "bytea", as: [UInt8]([0, 255, 0]))
        try await roundTrip(.jsonb(#"{"a": [1, "👍"]}"#), "jsonb", as: #"{"a": [1, "👍"]}"#)
    }

    @Test func `of an array type comes back, NULL elements too`() async throws {
        let ids = [UUID(), UUID()]
        try await roundTrip(.texts(["a", nil, ""]), "text[]", as: ["a", nil, ""])
        try await roundTrip(.texts([]), "text[]", as: [String]())
        try await roundTrip(.int2s([1, -1]), "int2[]", as: [Int16]([1, -1]))
        try await roundTrip(.int4s([1, -1]), "int4[]", as: [Int32]([1, -1]))
        try await roundTrip(.int8s([.min, .max]), "int8[]", as: [Int64.min, .max])
        try await roundTrip(.uuids(ids), "uuid[]", as: ids)
        try await roundTrip(.byteas([[1], nil, []]), "bytea[]", as: [[1], nil, []] as [[UInt8]?])
        try await roundTrip(.jsonbs(["{}", nil]), "jsonb[]", as: ["{}", nil])
        try await roundTrip(.bools([true, nil, false]), "bool[]", as: [true, nil, false])
        try await withPool { pool in
            let epoch = Statement(
                "epochs", "SELECT array_agg(extract(epoch FROM t)::int8 ORDER BY n) FROM unnest($1::timestamptz[]) WITH ORDINALITY AS u (t, n)")
            let seconds: [Int64?] = try await pool.query(epoch, [.timestamps([0, nil, -1_000_000])])[0].get(0)
            #expect(seconds == [0, nil, -1000])
        }
    }

    @Test(arguments: [0, -1, 1, 1_700_000_000_123, -62_135_596_800_000, Int64.max, .min])
    func `of time comes back to the millisecond, infinity too`(milliseconds: Int64) async throws {
        try await withPool { pool in
            let row = try await pool.query(Statement("time", "SELECT $1::timestamptz, NULL::timestamptz"), [.timestamp(milliseconds)])[0]
            #expect(try row.milliseconds(0) == milliseconds)
            #expect(try row.millisecondsOrNil(1) == nil)
        }
    }

    @Test func `out of the range of time is refused`() async throws {
        try await withPool { pool in
            let error = await #expect(throws: PostgresError.self) { try await pool.query(.echo, [.timestamp(.max - 1)]) }
            #expect(error?.kind == .configuration)
        }
    }

    @Test func `of a megabyte comes back`() async throws {
        let big = String(repeating: "0123456789abcde\u{e9}", count: 65536)
        try await withPool { pool in
            try await #expect(pool.query(.echo, [.text(big)])[0].get(0) == big)
            try await #expect(pool.query(.echo, [.bytes(Array(big.utf8))])[0].get(0) == Array(big.utf8))
        }
    }

    @Test func `NULL is nil for an optional and an error otherwise`() async throws {
        try await withPool { pool in
            let row = try await pool.query(Statement("null", "SELECT $1::int8 AS lonely"), [.int8(optional: nil)])[0]
            #expect(row.isNull(0))
            #expect(try row.get(0, as: Int64?.self) == nil)
            #expect(throws: RowDecodingError(column: "lonely", wanted: "Int64", actual: "NULL")) { try row.get(0, as: Int64.self) }
        }
    }

    @Test func `of another type than wanted is an error that names the column`() async throws {
        try await withPool { pool in
            let row = try await pool.query(Statement("wrong", "SELECT 'x'::text AS letter, 70000::int4 AS wide"))[0]
            #expect(throws: RowDecodingError(column: "letter", wanted: "Int", actual: "type 25")) { try row.get(0, as: Int.self) }
            #expect(throws: RowDecodingError.self) { try row.get(0, as: Int?.self) }
            #expect(throws: RowDecodingError.self) { try row.get(1, as: Int16.self) }
        }
    }
}
