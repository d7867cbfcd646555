import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// Every payload in every field that a client can fill: bodies, queries, paths and headers.
@Suite(.timeLimit(.minutes(longestTest))) struct `Text that means something elsewhere` {
    private static let payloads = [
        "'; DROP TABLE posts.post; --", "' OR '1'='1", "\") OR 1=1 --", "1; SELECT pg_sleep(5)", "$1", "\\'; --", "%s%n%x", "{{7*7}}${7*7}",
        "${jndi:ldap://127.0.0.1/a}", "<script>alert(1)</script>", "a\r\nSet-Cookie: a=b", "a\nX-Injected: 1", "../../etc/passwd", "$(id)",
        "\u{202E}txt.exe", "{\"$ne\": null}", "a\u{0}b", "\u{FEFF}", "a\\u0000b",
    ]

    @Test func `is kept as text or refused, in every field, and never becomes anything else`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let post = try #require(try await ann.call(.POST, "/posts", json: #"{"title":"T","content":"C","publish":true}"#).data["id"]?.text)
            let tables = "SELECT string_agg(schemaname || '.' || tablename, ' ' ORDER BY 1) FROM (SELECT * FROM pg_tables ORDER BY 1, 2) t"
            let before = try await system.query("(\(tables))", in: "annals_read")

            for payload in Self.payloads {
                let text = JSONValue.string(payload).serialized
                let bodies: [(HTTPMethod, String, String)] = [
                    (.POST, "/auth/register", #"{"username":\#(text),"email":"e@example.org","password":"a long password"}"#),
                    (.POST, "/auth/register", #"{"username":"eve","email":\#(text),"password":"a long password"}"#),
                    (.POST, "/auth/login", #"{"email":\#(text),"password":"a long password"}"#),
                    (.POST, "/auth/login", #"{"email":"ann@example.org","password":\#(text)}"#),
                    (.POST, "/auth/refresh", #"{"refreshToken":\#(text)}"#),
                    (.POST, "/auth/logout", #"{"refreshToken":\#(text)}"#),
                    (.POST, "/posts", #"{"title":"T","content":"C","slug":\#(text)}"#),
                    (.PATCH, "/users/me", #"{"username":\#(text)}"#),
                    (.PATCH, "/users/me", #"{"email":\#(text)}"#),
                    (.POST, "/posts/\(post)/publish", #"{"publishedAt":\#(text)}"#),
                    (.POST, "/posts", #"{\#(text):1}"#),
                ]
                for (method, path, json) in bodies {
                    let answer = try await ann.call(method, path, json: json)
                    check(answer, "\(path) \(json)")
                    #expect([400, 401, 204, 409, 422, 429].contains(answer.status), "\(path) \(json): \(answer.status)")
                }
                try await checkStored(payload, text, ann, post)
                try await checkQueriesAndPaths(payload, ann, post)
                try await checkHeaders(payload, ann, post)
            }
            #expect(try await system.query("(\(tables))", in: "annals_read") == before)
            let ready = system.api.replacingOccurrences(of: "/api/v1", with: "/ready")
            try await eventually { try await anyone.call(.GET, ready).status == 200 }
            #expect(try await ann.call(.GET, "/users/me").data["role"]?.text == "user")
        }
    }

    /// Free text comes back scalar for scalar, or was refused.
    private func checkStored(_ payload: String, _ text: String, _ ann: Client, _ post: String) async throws {
        for (method, path, field, read) in [
            (HTTPMethod.PATCH, "/posts/\(post)", "title", "/posts/\(post)"), (.PATCH, "/posts/\(post)", "content", "/posts/\(post)"),
            (.PATCH, "/users/me", "displayName", "/users/me"), (.PATCH, "/users/me", "bio", "/users/me"),
        ] {
            let written = try await ann.call(method, path, json: #"{"\#(field)":\#(text)}"#)
            check(written, "\(path) \(field) \(text)")
            guard written.status == 200 else {
                #expect(written.status == 422, "\(path) \(field) \(text): \(written.status)")
                continue
            }
            let seen = try await ann.call(.GET, read, headers: ["Wait-For-Position": written.position])
            #expect(seen.data[field]?.text.map { Array($0.utf8) } == Array(payload.utf8), "\(field) \(text)")
            #expect(seen.headers.first(name: "Content-Type") == "application/json")
        }
    }

    private func checkQueriesAndPaths(_ payload: String, _ ann: Client, _ post: String) async throws {
        let allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
        let escaped = try #require(payload.addingPercentEncoding(withAllowedCharacters: allowed))
        let paths =
            ["limit", "page", "cursor", "author", "sort"].map { "/posts?\($0)=\(escaped)" }
            + ["/posts?\(escaped)=1", "/posts/\(post)?version=\(escaped)", "/posts/\(post)?asOf=\(escaped)", "/posts/\(post)/views?by=\(escaped)"]
            + ["/posts/\(escaped)", "/posts/by-slug/\(escaped)", "/users/\(escaped)", "/posts/\(escaped)/history", "/\(escaped)"]
        for path in paths {
            let answer = try await ann.call(.GET, path)
            check(answer, "\(path) (\(payload))")
            #expect([400, 404, 422].contains(answer.status) || path.hasPrefix("/posts?\(escaped)"), "\(path): \(answer.status)")
        }
    }

    /// In headers only what a header can hold; the rest is the wire's matter.
    private func checkHeaders(_ payload: String, _ ann: Client, _ post: String) async throws {
        guard payload.unicodeScalars.allSatisfy({ 0x20...0x7E ~= $0.value }) else { return }
        for name in [
            "If-Match", "If-None-Match", "Idempotency-Key", "Wait-For-Position", "Prefer", "DNT", "X-Request-ID", "traceparent", "Origin", "Accept",
        ] {
            for (method, json) in [(HTTPMethod.GET, nil), (.PATCH, #"{"title":"T"}"#)] {
                let answer = try await ann.call(method, "/posts/\(post)", json: json, headers: [name: payload])
                check(answer, "\(method) \(name): \(payload)")
                #expect([200, 400, 412].contains(answer.status), "\(method) \(name): \(payload): \(answer.status)")
            }
        }
        #expect(try await Client(base: ann.base, token: payload).call(.GET, "/users/me").status == 401)
    }

    private func check(_ answer: Client.Answer, _ what: String) {
        #expect(answer.status < 500, "\(what): \(answer.status)")
        #expect(!answer.headers.contains(name: "Set-Cookie") && !answer.headers.contains(name: "X-Injected"), "\(what)")
        #expect(answer.headers.first(name: "X-Content-Type-Options") == "nosniff", "\(what)")
        // A success shows what was stored, payloads among it; a refusal shows our words only.
        guard answer.status >= 400 else { return }
        let text = String(decoding: answer.body, as: UTF8.self)
        for leak in ["SELECT", "INSERT", "SQLSTATE", "pg_", "relation \"", "syntax error", "/Sources/", "root:x:"] where !what.contains(leak) {
            #expect(!text.contains(leak), "\(what): \(text)")
        }
    }
}
