import Foundation
import Gateway
import JSON
import TestSupport
import Testing

/// One thing that RFC 9112 (HTTP/1.1) or RFC 9110 (HTTP semantics) asks of a server: the bytes of a client, and what it gets for them.
struct ConformanceRow: Sendable, CustomTestStringConvertible {
    enum Connection: Sendable { case open, ended }

    let rule: String
    let bytes: String
    /// A status, or a status and the content.
    let responses: [String]
    let connection: Connection

    init(_ rule: String, _ bytes: String, _ responses: [String], _ connection: Connection) {
        self.rule = rule
        self.bytes = bytes
        self.responses = responses
        self.connection = connection
    }

    var testDescription: String { rule }

    static let all = message + target + fields + coding + connection + semantics

    private static let message = [
        ConformanceRow("9112 §2.2: an empty line before a request is ignored", "\r\n" + get("/a"), ["200 GET /a 0"], .open),
        ConformanceRow("9112 §2.2: a bare CR is no part of a field", get("/a", "X: a\rb"), ["400"], .ended),
        ConformanceRow("9112 §2.2: blanks before the first field are no field", "GET /a HTTP/1.1\r\n Host: x\r\n\r\n", ["400"], .ended),
        ConformanceRow("9112 §2.2: octets outside of ASCII are octets", get("/a", "X: h\u{e9}llo"), ["200 GET /a 0"], .open),
        ConformanceRow("9112 §2.3: the version is written in capitals", "GET /a http/1.1\r\nHost: x\r\n\r\n", ["400"], .ended),
        ConformanceRow("9112 §2.3: another major version is another protocol", "GET /a HTTP/3.0\r\nHost: x\r\n\r\n", ["400"], .ended),
        ConformanceRow("9112 §3: a line without a version is no request", "GET /a\r\n\r\n", ["400"], .ended),
        ConformanceRow("9112 §3: what is no HTTP is refused", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n", ["400"], .ended),
        ConformanceRow("9110 §9.1: a method that nobody knows is refused", "BREW /a HTTP/1.1\r\nHost: x\r\n\r\n", ["400"], .ended),
    ]

    private static let target =
        [
            ConformanceRow(
                "9112 §3: a target of 8000 octets is taken", get("/" + String(repeating: "a", count: 7999)),
                ["200 GET /" + String(repeating: "a", count: 7999) + " 0"], .open),
            ConformanceRow("9112 §3: a target longer than that is 414", get("/" + String(repeating: "a", count: 9000)), ["414"], .ended),
            ConformanceRow("9112 §3: a target without an end is 414", "GET /" + String(repeating: "a", count: 40_000), ["414"], .ended),
            ConformanceRow("9112 §3.2: a target is a URI", get("/\u{e9}"), ["400"], .ended),
            ConformanceRow("9112 §3.2: HTTP/1.1 without Host is 400", "GET /a HTTP/1.1\r\n\r\n", ["400"], .ended),
            ConformanceRow("9112 §3.2: two Hosts are 400", get("/a", "Host: x"), ["400"], .ended),
            ConformanceRow("9112 §3.2: HTTP/1.0 without Host is answered", "GET /a HTTP/1.0\r\n\r\n", ["200 GET /a 0"], .ended),
            ConformanceRow("9112 §3.2.2: the absolute form is taken", "GET http://x/a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", ["200 GET /a?b=c 0"], .open),
            ConformanceRow("9112 §3.2.4: the asterisk form is taken", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", ["200 OPTIONS * 0"], .open),
        ]
        + ["", "a b", "a, b", "user@a", "a/b", "a?b", "a#b", ":80", "a:8o", "a:80:80", "[::1", "[]", "a%zz", "a%4", "h\u{e9}st", "\"a\""].map {
            ConformanceRow("9112 §3.2: \($0) is no host", "GET /a HTTP/1.1\r\nHost: \($0)\r\n\r\n", ["400"], .ended)
        }
        + ["a", "A.b-c", "a:8080", "a:", "127.0.0.1:3000", "[::1]", "[::1]:3000", "a%41", "a_b"].map {
            ConformanceRow("9112 §3.2: \($0) is a host", "GET /a HTTP/1.1\r\nHost: \($0)\r\n\r\n", ["200 GET /a 0"], .open)
        }

    private static let fields = [
        ConformanceRow("9110 §5.1: a field's name has no case", "GET /a HTTP/1.1\r\nhOsT: x\r\n\r\n", ["200 GET /a 0"], .open),
        ConformanceRow("9110 §5.5: NUL is no part of a field", get("/a", "X: a\0b"), ["400"], .ended),
        ConformanceRow("9112 §5.1: no blank stands before the colon", get("/a", "X : a"), ["400"], .ended),
        ConformanceRow("9112 §5.2: a folded line is refused", get("/a", "X: a\r\n b"), ["400"], .ended),
        ConformanceRow("9110 §5.4: too many fields are 431", get("/a", (1...200).map { "X-\($0): a" }.joined(separator: "\r\n")), ["431"], .ended),
        ConformanceRow("9110 §5.4: a field without an end is 431", "GET /a HTTP/1.1\r\nX: " + String(repeating: "a", count: 40_000), ["431"], .ended),
    ]

    private static let coding =
        [
            ConformanceRow("9112 §6.2: a length tells where a body ends", post("/a", "Content-Length: 5", "hello"), ["200 POST /a 5"], .open),
            ConformanceRow("9112 §6.3: a request without length and coding has no body", post("/a", "X: y", ""), ["200 POST /a 0"], .open),
            ConformanceRow(
                "9112 §7.1: chunks are put together", post("/a", "Transfer-Encoding: chunked", "A\r\n0123456789\r\n3\r\nabc\r\n0\r\n\r\n"),
                ["200 POST /a 13"], .open),
            ConformanceRow(
                "9112 §7.1: small chunks, too", post("/a", "Transfer-Encoding: ChunkeD", String(repeating: "1\r\nx\r\n", count: 5000) + "0\r\n\r\n"),
                ["200 POST /a 5000"], .open),
            ConformanceRow(
                "9112 §7.1.1: a chunk's unknown extension is ignored", post("/a", "Transfer-Encoding: chunked", "2;a=\"b\";c\r\nab\r\n0;d\r\n\r\n"),
                ["200 POST /a 2"], .open),
            ConformanceRow(
                "9112 §7.1.2: a trailer is read and is no field of the head",
                post("/a", "Transfer-Encoding: chunked", "2\r\nab\r\n0\r\nX-Request-ID: 9\r\n\r\n"), ["200 POST /a 2"], .open),
            ConformanceRow(
                "9112 §7.1: a chunk of no size is 400", post("/a", "Transfer-Encoding: chunked", "zz\r\nab\r\n0\r\n\r\n"), ["400"], .ended),
            ConformanceRow("9112 §6.1: HTTP/1.0 has no codings", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ["400"], .ended),
            ConformanceRow(
                "9112 §6.1: a coding that is not known is 501", post("/a", "Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), ["501"], .ended),
            ConformanceRow(
                "9112 §6.1: also in two lines", post("/a", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), ["501"], .ended),
            ConformanceRow("9112 §6.1: a body is in chunks once", post("/a", "Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), ["400"], .ended),
            ConformanceRow("9112 §6.3: another coding last is 400", post("/a", "Transfer-Encoding: chunked, gzip", "0\r\n\r\n"), ["400"], .ended),
            ConformanceRow("9112 §6.3: another coding alone is 400", post("/a", "Transfer-Encoding: identity", "0\r\n\r\n"), ["400"], .ended),
            ConformanceRow("9112 §6.3: no coding at all is 400", post("/a", "Transfer-Encoding:", "0\r\n\r\n"), ["400"], .ended),
            ConformanceRow(
                "9112 §6.3: length and coding are 400", post("/a", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), ["400"], .ended),
            ConformanceRow("9112 §6.3: two lengths are 400", post("/a", "Content-Length: 2\r\nContent-Length: 3", "abc"), ["400"], .ended),
        ]
        + ["+2", "-2", "0x2", "2,3", "two", "99999999999999999999"].map {
            ConformanceRow("9112 §6.3: \($0) is no length", post("/a", "Content-Length: \($0)", "ab"), ["400"], .ended)
        }

    private static let connection =
        [
            ConformanceRow("9112 §9.3: a connection persists", get("/a") + get("/b"), ["200 GET /a 0", "200 GET /b 0"], .open),
            ConformanceRow(
                "9112 §9.3: a body that nobody wants is read", post("/unread", "Content-Length: 5", "hello") + get("/b"),
                ["200 unread", "200 GET /b 0"], .open),
            ConformanceRow(
                "9112 §9.3: HTTP/1.0 does not persist", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/b"), ["200 GET /a 0"], .ended),
            ConformanceRow(
                "9112 §9.3.2: responses come in the order of the requests", (1...40).map { get("/\($0)") }.joined(),
                (1...40).map { "200 GET /\($0) 0" }, .open),
            ConformanceRow(
                "9112 §9.3.2: a refusal, too", get("/a") + post("/b", "Content-Length: 1", "x") + "GET /c HTTP/1.1\r\n\r\n" + get("/d"),
                ["200 GET /a 0", "200 POST /b 1", "400"], .ended),
            ConformanceRow(
                "9112 §9.3.2: also of what is no HTTP", get("/a") + "\u{16}\u{3}\u{1}\r\n\r\n" + get("/d"), ["200 GET /a 0", "400"], .ended),
            ConformanceRow(
                "9112 §9.6: no request behind a close is looked at", get("/a", "Connection: close") + get("/b") + "\u{16}\r\n\r\n", ["200 GET /a 0"],
                .ended),
            ConformanceRow("9112 §6.1: HTTP/1.0 gets no chunks", "GET /stream HTTP/1.0\r\n\r\n", ["200 one two"], .ended),
            ConformanceRow("9112 §6.1: HTTP/1.1 does", get("/stream"), ["200 one two"], .open),
            ConformanceRow(
                "9112 §9.6: a long response is complete before its connection ends", get("/large", "Connection: close"),
                ["200 " + String(repeating: "x", count: 8 << 20)], .ended),
        ]
        + ["Close", "CLOSE", "TE, close", "close, TE", "TE,close", ", ,close", "keep-alive, close"].map {
            ConformanceRow("9112 §9.6: \($0) is a close", get("/a", "Connection: \($0)"), ["200 GET /a 0"], .ended)
        }
        + ["keep-alive", "TE", "closed", "X-Close"].map {
            ConformanceRow("9112 §9.6: \($0) is none", get("/a", "Connection: \($0)"), ["200 GET /a 0"], .open)
        }

    private static let semantics = [
        ConformanceRow(
            "9110 §7.8: h2c is ignored", get("/a", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
            ["200 GET /a 0"], .ended),
        ConformanceRow(
            "9110 §7.8: websocket is ignored", get("/a", "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"), ["200 GET /a 0"],
            .ended),
        ConformanceRow(
            "9110 §7.8: the body before the upgrade is read", post("/a", "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5", "hello"),
            ["200 POST /a 5"], .ended),
        ConformanceRow(
            "9110 §7.8: an upgrade in HTTP/1.0 is ignored", "GET /a HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", ["200 GET /a 0"], .ended
        ),
        ConformanceRow("9110 §9.3.2: HEAD has no content", "HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", ["200"], .open),
        ConformanceRow("9110 §9.3.6: no tunnel is opened", "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n" + get("/b"), ["501"], .ended),
        ConformanceRow(
            "9110 §10.1.1: nobody waits for 100 who has sent the body", post("/a", "Expect: 100-continue\r\nContent-Length: 5", "hello"),
            ["200 POST /a 5"], .open),
        ConformanceRow(
            "9110 §10.1.1: HTTP/1.0 expects nothing", "POST /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello", ["200 POST /a 5"],
            .ended),
        ConformanceRow(
            "9110 §10.1.1: no body is not waited for", post("/unread", "Expect: 100-continue\r\nContent-Length: 0", ""), ["200 unread"], .open),
    ]

    private static func get(_ target: String, _ field: String? = nil) -> String {
        "GET \(target) HTTP/1.1\r\nHost: x\r\n" + (field.map { "\($0)\r\n" } ?? "") + "\r\n"
    }

    private static func post(_ target: String, _ fields: String, _ body: String) -> String {
        "POST \(target) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n\r\n\(body)"
    }
}

@Suite(.timeLimit(.minutes(5))) struct `HTTP as the RFCs want it` {
    private static let probe = "GET /probe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    @Test func `is spoken, rule by rule`() async throws {
        try await LoopbackServer.run { port in
            for row in ConformanceRow.all {
                let wire = try Wire(port: port)
                await wire.send(row.bytes)
                // Another request, which is answered if the connection goes on.
                await wire.send(Self.probe)
                let responses = WireResponse.all(in: try await wire.rest(), isHead: row.bytes.hasPrefix("HEAD")).filter { $0.status != 100 }
                let expected = row.responses + (row.connection == .open ? ["200 GET /probe 0"] : [])
                #expect(responses.count == expected.count, "\(row.rule): \(responses.map { "\($0.status) \($0.body.prefix(100))" })")
                for (response, expected) in zip(responses, expected) {
                    let isAsExpected = expected.count == 3 ? "\(response.status)" == expected : "\(response.status) \(response.body)" == expected
                    #expect(isAsExpected, "\(row.rule): \(response.status) \(response.body.prefix(100))")
                    // 9110 §6.6.1: a server with a clock dates what it says.
                    #expect(response.headers["date"]?.hasSuffix(" GMT") == true, "\(row.rule)")
                    #expect(response.headers["x-content-type-options"] == "nosniff", "\(row.rule)")
                    if response.status >= 400 { expectProblem(response, row.rule) }
                }
                // 9112 §9.6: the last response says that it is the last.
                #expect(responses.last?.headers["connection"] == "close", "\(row.rule)")
                #expect(responses.dropLast().allSatisfy { $0.headers["connection"] == nil }, "\(row.rule)")
            }
        }
    }

    private func expectProblem(_ response: WireResponse, _ rule: String) {
        let problem = try? JSONValue.parse(Array(response.body.utf8))
        #expect(response.headers["content-type"] == "application/problem+json", "\(rule)")
        #expect(problem?["status"]?.int == Int64(response.status) && problem?["code"]?.text != nil && problem?["detail"]?.text != nil, "\(rule)")
        #expect(problem?["requestId"]?.text == response.headers["x-request-id"] && problem?["instance"]?.text != nil, "\(rule)")
        #expect(response.headers["traceparent"] != nil, "\(rule)")
    }

    @Test func `names a refusal as its client asked`() async throws {
        try await LoopbackServer.run { port in
            let wire = try Wire(port: port)
            await wire.send("GET /a HTTP/1.1\r\nX-Request-ID: mine\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n")
            let refusal = try #require(WireResponse.all(in: try await wire.rest()).first)
            #expect(refusal.headers["x-request-id"] == "mine" && refusal.body.contains(#""requestId":"mine""#))
            #expect(refusal.headers["traceparent"]?.contains("0af7651916cd43dd8448eb211c80319c") == true)
        }
    }

    @Test func `calls a body complete only when it is`() async throws {
        try await LoopbackServer.run { port in
            for body in ["Content-Length: 10\r\n\r\nhello", "Content-Length: 10\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
                let wire = try Wire(port: port)
                await wire.send("POST /a HTTP/1.1\r\nHost: x\r\n" + body)
                wire.finish()
                #expect(WireResponse.all(in: try await wire.rest()).map(\.status) == [400], "\(body)")
            }
        }
    }

    @Test func `answers a client that has shut its side`() async throws {
        try await LoopbackServer.run { port in
            let wire = try Wire(port: port)
            await wire.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            wire.finish()
            let responses = WireResponse.all(in: try await wire.rest())
            #expect(responses.map(\.status) == [200, 200] && responses.last?.body.utf8.count == 8 << 20)
        }
    }

    @Test func `asks for a body that is wanted with 100, and for no other`() async throws {
        try await LoopbackServer.run { port in
            let wanted = try Wire(port: port)
            await wanted.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n")
            #expect(try await wanted.answer() == "HTTP/1.1 100 Continue\r\n\r\n")
            await wanted.send("hello" + Self.probe)
            #expect(WireResponse.all(in: try await wanted.rest()).map(\.body) == ["POST /a 5", "GET /probe 0"])

            let unwanted = try Wire(port: port)
            await unwanted.send("POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            let responses = WireResponse.all(in: try await unwanted.rest())
            #expect(responses.map(\.status) == [200] && responses.first?.headers["connection"] == "close")
        }
    }

    @Test func `never answers one request twice`() async throws {
        try await LoopbackServer.run { port in
            let wire = try Wire(port: port)
            // It has its response before its body turns out to be none.
            await wire.send("POST /unread HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            #expect(try await wire.answer().hasPrefix("HTTP/1.1 200 "))
            await wire.send("no chunk\r\n" + Self.probe)
            #expect(try await wire.rest() == "")
        }
    }
}
