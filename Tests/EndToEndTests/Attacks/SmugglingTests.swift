import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Requests that two servers could read differently (RFC 9112 §11.2), and headers that only services may say.
@Suite(.timeLimit(.minutes(longestTest))) struct `A request that can be read in two ways` {
    private static let smuggled = "GET /health HTTP/1.1\r\nHost: x\r\nX-Smuggled: 1\r\n\r\n"

    @Test func `is refused, and the connection with it`() async throws {
        try await withSystem { system, _ in
            let post = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            let chunked = "0\r\n\r\n"
            let cases = [
                "length and chunks": post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + Self.smuggled,
                "chunks and length": post + "Transfer-Encoding: chunked\r\nContent-Length: 80\r\n\r\n" + chunked + Self.smuggled,
                "two lengths": post + "Content-Length: 2\r\nContent-Length: 80\r\n\r\n{}" + Self.smuggled,
                "a list of lengths": post + "Content-Length: 2, 80\r\n\r\n{}" + Self.smuggled,
                "a signed length": post + "Content-Length: +2\r\n\r\n{}" + Self.smuggled,
                "a length in hexadecimal": post + "Content-Length: 0x2\r\n\r\n{}" + Self.smuggled,
                "a negative length": post + "Content-Length: -1\r\n\r\n" + Self.smuggled,
                "a length past all counting": post + "Content-Length: 99999999999999999999\r\n\r\n" + Self.smuggled,
                "another coding last": post + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunked + Self.smuggled,
                "a space before the colon": post + "Content-Length : 2\r\n\r\n{}" + Self.smuggled,
                "a chunk of no number": post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n" + chunked + Self.smuggled,
                "a chunk past all counting": post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n" + chunked + Self.smuggled,
                "a NUL in a header": "GET /health HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n" + Self.smuggled,
                "a carriage return alone": "GET /health HTTP/1.1\r\nHost: x\r\nX: a\rX-Annals-Service: b\r\n\r\n" + Self.smuggled,
                "no name": "GET /health HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n" + Self.smuggled,
                "no HTTP": "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}" + Self.smuggled,
                "no version": "GET /health\r\n\r\n" + Self.smuggled,
                "a space in the path": "GET /health x HTTP/1.1\r\nHost: x\r\n\r\n" + Self.smuggled,
            ]
            for (name, bytes) in cases.sorted(by: { $0.key < $1.key }) {
                let wire = try Wire(port: system.port)
                await wire.send(bytes)
                let answers = try await wire.rest()
                #expect(answers.hasPrefix("HTTP/1.1 400"), "\(name): \(answers.prefix(40))")
                #expect(answers.components(separatedBy: "HTTP/1.1 ").count == 2, "\(name): \(answers)")
                #expect(answers.lowercased().contains("x-content-type-options: nosniff"), "\(name)")
            }
        }
    }

    @Test func `is refused when its head is too large or has too many fields`() async throws {
        try await withSystem { system, _ in
            let many = (1...150).map { "X-\($0): 1\r\n" }.joined()
            for bytes in [
                "GET /health HTTP/1.1\r\nHost: x\r\n" + many + "\r\n",
                "GET /health HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "a", count: 70_000),
                "GET /" + String(repeating: "a", count: 200_000),
            ] {
                let wire = try Wire(port: system.port)
                await wire.send(bytes)
                let answer = try await wire.rest()
                // A reset may overtake the answer while the client still sends.
                #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer.prefix(40))")
                #expect(!answer.hasPrefix("HTTP/1.1 404") && !answer.hasPrefix("HTTP/1.1 2"))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `A header that is not the client's to say` {
    @Test func `opens no internal route and makes nobody somebody`() async throws {
        try await withSystem { _, anyone in
            let headers = [
                "X-Annals-Service": "queries.commands.99999999999.AAAA", "X-Annals-User": "admin", "X-Forwarded-User": "admin",
                "X-Real-IP": "127.0.0.1",
                "X-Original-URL": "/internal/views", "X-Rewrite-URL": "/internal/views", "X-Forwarded-Host": "evil.example",
                "Forwarded": "for=127.0.0.1",
            ]
            for path in ["/internal/views", "/api/v1/internal/views", "/users/me"] {
                let url = path.hasPrefix("/users") ? path : anyone.base.replacingOccurrences(of: "/api/v1", with: path)
                let answer = try await anyone.call(.GET, url, headers: headers)
                #expect([401, 404].contains(answer.status), "\(path)")
                #expect(!String(decoding: answer.body, as: UTF8.self).contains("evil.example"))
            }
            // A service token in the place of a user's is none either.
            #expect(try await Client(base: anyone.base, token: "queries.commands.99999999999.AAAA").call(.GET, "/users/me").status == 401)
        }
    }

    @Test func `does not make another method of one`() async throws {
        try await withSystem { _, anyone in
            let ann = try await anyone.signedUp("ann")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"T","content":"C","publish":true}"#)
            let id = try #require(drafted.data["id"]?.text)
            let wait = ["Wait-For-Position": drafted.position]
            for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
                let read = try await ann.call(.GET, "/posts/\(id)?_method=DELETE", headers: wait.merging([header: "DELETE"]) { old, _ in old })
                #expect(read.status == 422)
                #expect(try await ann.call(.POST, "/posts/\(id)?_method=DELETE", json: "{}", headers: [header: "DELETE"]).status == 405)
            }
            for method in [HTTPMethod.TRACE, .RAW(value: "TRACK"), .RAW(value: "DEBUG"), .PROPFIND] {
                // A name that no standard has is no HTTP to the server below.
                let refused = try await ann.call(method, "/posts/\(id)")
                #expect([400, 405].contains(refused.status), "\(method): \(refused.status)")
            }
            #expect(try await ann.call(.GET, "/posts/\(id)", headers: wait).status == 200)
        }
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `A path that leads elsewhere` {
    @Test func `leads nowhere, however it is written`() async throws {
        try await withSystem { system, _ in
            let paths = [
                "/api/v1/../internal/views", "/api/v1/posts/../../../internal/views", "/api/v1/posts/..%2f..%2finternal%2fviews",
                "/%2e%2e/%2e%2e/etc/passwd", "/..;/internal/views", "//internal/views", "/./internal/views", "/api/v1/posts/%2e%2e/users",
                "/api/v1/posts/by-slug/..%2F..%2Fetc%2Fpasswd", "/api/v1/posts/by-slug/%252e%252e", "/api/v1//posts", "/api/v1/posts/",
                "/API/V1/posts",
                "/api/v1/posts;x=1", "/api/v1/posts%00", "/api/v1/posts%0d%0aSet-Cookie:a=b", "/\\internal\\views", "/.env", "/.git/config",
                "/metrics",
                "/api/v1/posts/%c0%ae%c0%ae", "/api/v1/users/me%2f..%2f..", "/api/v1/users/me/../../posts", "/internal", "*", "internal/views",
            ]
            for path in paths {
                let wire = try Wire(port: system.port)
                await wire.send("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                let answer = try await wire.rest()
                #expect(answer.hasPrefix("HTTP/1.1 400") || answer.hasPrefix("HTTP/1.1 404"), "\(path): \(answer.prefix(40))")
                #expect(!answer.lowercased().contains("\nset-cookie") && !answer.contains("root:x:"), "\(path)")
            }
        }
    }
}
