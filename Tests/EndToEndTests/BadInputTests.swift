import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `Bad input` {
    @Test func `gets the answer of the contract, always as a problem, never a 500`() async throws {
        try await withSystem { _, anyone in
            let ann = try await anyone.signedUp("ann")
            let post = try await ann.call(.POST, "/posts", json: #"{"title":"T","content":"C","publish":true}"#)
            let id = try #require(post.data["id"]?.text)
            let big = String(repeating: "x", count: 2 << 20)
            let cases: [(HTTPMethod, String, String?, [String: String], Int, String)] = [
                (.POST, "/posts", "not json", [:], 400, "MALFORMED_REQUEST"),
                (.POST, "/posts", #"["a list"]"#, [:], 400, "MALFORMED_REQUEST"),
                (.POST, "/posts", #"{"title":"\uD800","content":"x"}"#, [:], 400, "MALFORMED_REQUEST"),
                (.POST, "/posts", String(repeating: "[", count: 5000), [:], 400, "MALFORMED_REQUEST"),
                (.POST, "/posts", #"{"title":1,"content":true}"#, [:], 422, "VALIDATION_ERROR"),
                (.POST, "/posts", #"{}"#, [:], 422, "VALIDATION_ERROR"),
                (.POST, "/posts", #"{"title":"T","content":"C","extra":1}"#, [:], 422, "VALIDATION_ERROR"),
                (.POST, "/posts", #"{"title":"T\u0000","content":"C"}"#, [:], 422, "VALIDATION_ERROR"),
                (.POST, "/posts", #"{"title":"T","content":"\#(big)"}"#, [:], 413, "PAYLOAD_TOO_LARGE"),
                (.POST, "/posts", #"{"title":"T","content":"C"}"#, ["Content-Type": "text/plain"], 415, "UNSUPPORTED_MEDIA_TYPE"),
                (.POST, "/posts", #"{"title":"T","content":"C"}"#, ["Idempotency-Key": "a key with spaces"], 400, "MALFORMED_REQUEST"),
                (.POST, "/posts", #"{"title":"T","content":"C","slug":"Not A Slug"}"#, [:], 422, "VALIDATION_ERROR"),
                (.GET, "/posts/not-a-uuid", nil, [:], 400, "MALFORMED_REQUEST"),
                (.GET, "/posts/0198a3c4-0000-7000-8000-000000000000", nil, [:], 404, "NOT_FOUND"),
                (.GET, "/posts?cursor=tampered", nil, [:], 400, "MALFORMED_REQUEST"),
                (.GET, "/posts?limit=0", nil, [:], 422, "VALIDATION_ERROR"),
                (.GET, "/posts/\(id)", nil, ["Wait-For-Position": "minus one"], 400, "MALFORMED_REQUEST"),
                (.GET, "/posts/\(id)", nil, ["Wait-For-Position": "999999", "Prefer": "wait=0"], 503, "READ_MODEL_BEHIND"),
                (.PATCH, "/posts/\(id)", #"{"title":"N"}"#, ["If-Match": "nonsense"], 400, "MALFORMED_REQUEST"),
                (.PATCH, "/posts/\(id)", #"{"role":"admin"}"#, [:], 422, "VALIDATION_ERROR"),
                (.PUT, "/posts/\(id)", #"{}"#, [:], 405, "METHOD_NOT_ALLOWED"),
                (.GET, "/nothing/here", nil, [:], 404, "NOT_FOUND"),
                (.POST, "/auth/register", #"{"username":"A!","email":"no","password":"short"}"#, [:], 422, "VALIDATION_ERROR"),
                (.POST, "/auth/register", #"{"username":"ann","email":"new@example.org","password":"long enough now"}"#, [:], 409, "DUPLICATE_ENTRY"),
                (.POST, "/auth/login", #"{"email":"ann@example.org","password":"wrong password"}"#, [:], 401, "UNAUTHENTICATED"),
            ]
            for (method, path, json, headers, status, code) in cases {
                let answer = try await ann.call(method, path, json: json, headers: headers)
                let what = "\(method) \(path) \(json?.prefix(60) ?? "")"
                #expect(answer.status == status, "\(what)")
                #expect(answer.code == code, "\(what)")
                #expect(answer.headers.first(name: "Content-Type") == "application/problem+json", "\(what)")
                #expect(answer.json["requestId"]?.text == answer.headers.first(name: "X-Request-ID"), "\(what)")
            }
            #expect(
                try await ann.call(.POST, "/auth/register", json: #"{"username":"A!","email":"no","password":"short","x":1}"#).fields.sorted() == [
                    "email", "password", "username", "x",
                ])
            #expect(try await anyone.call(.POST, "/posts", json: "{}").status == 401)
        }
    }
}
