import EventSourcing
import HTTPContract
import HTTPTypes
import Testing

@Suite struct `If-Match` {
    private func versions(_ value: String?) throws -> StreamExpectation {
        try Preconditions.expectation(request(.patch, "/", value.map { [.ifMatch: $0] } ?? [:]))
    }

    private func expected(_ value: String?) throws -> Int? {
        try Preconditions.expectedVersion(request(.patch, "/", value.map { [.ifMatch: $0] } ?? [:]))
    }

    @Test(arguments: [
        ("\"5\"", 5), ("\"5.0123456789abcdef\"", 5), (" \"5\" ", 5), ("W/\"5\"", 5), ("W/\"5.0123456789abcdef\"", 5), ("\"5\",\"5.ab\"", 5),
        ("\"other,tag\", \"5\"", 5),
        ("\"5\",", 5), (",\"5\"", 5), (" , ,\t\"5\" ,,", 5),
    ])
    func `names the version to expect`(row: (String, Int)) throws {
        #expect(try versions(row.0) == .oneOf([row.1]))
        #expect(try expected(row.0) == row.1)
    }

    @Test func `may name several, where the command can be held to any of them`() throws {
        #expect(try versions("\"5\", \"6.ab\",W/\"7\",\"x\"") == .oneOf([5, 6, 7]))
        #expect(problem { _ = try expected("\"5\", \"6\"") }?.code == .malformedRequest)
    }

    @Test func `absent or a star expects nothing`() throws {
        #expect(try versions(nil) == .any && versions("*") == .any)
        #expect(try expected(nil) == nil && expected("*") == nil)
    }

    @Test(arguments: ["W/\"x\"", "\"abc\"", "\"0\"", "\"05\"", "\"-1\"", "\"5.\"", "\"\"", "\"99999999999999999999\"", "\"5x\""])
    func `that can't be the present version is no version, and 412`(value: String) throws {
        #expect(try versions(value) == .oneOf([]))
        #expect(problem { _ = try expected(value) }?.code == .preconditionFailed)
    }

    @Test(arguments: ["5", "\"5\u{301}", "\"5", "5\"", "", ",", " , ", "\"5\" \"6\"", "w/\"5\"", "\"a b\"", "*, \"5\"", "W/", "\"5\", 6"])
    func `that can't be read is 400`(value: String) {
        #expect(problem { _ = try versions(value) }?.code == .malformedRequest)
        #expect(problem { _ = try expected(value) }?.code == .malformedRequest)
    }
}

@Suite struct `Idempotency-Key` {
    private func key(_ values: String...) throws -> String? {
        var headers = HTTPFields()
        for value in values { headers.append(HTTPField(name: .idempotencyKey, value: value)) }
        return try Preconditions.idempotencyKey(request(.post, "/", headers))
    }

    @Test func `is taken when visible and not too long`() throws {
        #expect(try key() == nil)
        #expect(try key("a") == "a")
        let longest = String(repeating: "~", count: 128)
        #expect(try key(longest) == longest)
    }

    @Test(arguments: ["", "a b", "é", String(repeating: "a", count: 129)]) func `is 400 otherwise`(value: String) {
        #expect(problem { _ = try key(value) }?.code == .malformedRequest)
    }

    @Test func `is 400 when given twice, even alike`() {
        #expect(problem { _ = try key("a", "a") }?.code == .malformedRequest)
    }
}

@Suite struct `Wait-For-Position` {
    private func wait(_ position: String?, prefer: String? = nil) throws -> WaitForPosition? {
        var headers = HTTPFields()
        headers[.waitForPosition] = position
        headers[.prefer] = prefer
        return try Preconditions.waitForPosition(request(.get, "/", headers))
    }

    @Test func `waits for two seconds by itself`() throws {
        #expect(try wait("17") == WaitForPosition(position: 17, timeout: .seconds(2)))
        #expect(try wait(nil, prefer: "wait=5") == nil)
    }

    @Test(arguments: [
        ("wait=5", 5), ("respond-async, wait=5", 5), ("wait=5; foo=bar", 5), ("WAIT = 5", 5), ("wait=\"1\"", 1),
        ("respond-async, wait = \"5\" ; x", 5), ("wait=\"5", 2), ("wait=\"\"", 2), ("wait=60", 10), ("wait=0", 0), ("wait=x", 2),
        ("wait", 2), ("", 2),
    ])
    func `waits as long as preferred, ten seconds at most`(row: (String, Int)) throws {
        #expect(try wait("17", prefer: row.0)?.timeout == .seconds(row.1))
    }

    @Test(arguments: ["x", "-1", "", "1.5", "017", "1, 2", "9223372036854775808"]) func `that is no position is 400`(text: String) {
        #expect(problem { _ = try wait(text) }?.code == .malformedRequest)
    }
}

@Suite struct `If-None-Match` {
    private func isNotModified(_ value: String?) -> Bool {
        Preconditions.isNotModified(request(.get, "/", value.map { [.ifNoneMatch: $0] } ?? [:]), etag: "\"5.ab\"")
    }

    @Test(arguments: ["\"5.ab\"", "W/\"5.ab\"", "\"1\", W/\"5.ab\"", "*", ",\"1\",, \"5.ab\",", " * "]) func `that names the tag is not modified`(
        value: String
    ) {
        #expect(isNotModified(value))
    }

    @Test(arguments: [nil, "\"5\"", "\"5.AB\"", "5.ab", "\"5.ab", ""] as [String?]) func `that does not is modified`(value: String?) {
        #expect(!isNotModified(value))
    }
}
