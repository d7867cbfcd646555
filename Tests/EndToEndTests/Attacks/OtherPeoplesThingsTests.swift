import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import PublishingAPI
import Testing

/// Broken object level authorization (OWASP API1, API5): every id in every route, as somebody else.
@Suite(.timeLimit(.minutes(longestTest))) struct `What belongs to another` {
    private struct Attempt {
        let method: HTTPMethod
        /// As it stands in the gateway's table.
        let route: String
        /// With the ids filled in.
        let path: String
        var json: String?
        /// The status that another user gets. A caller without a token gets no more.
        var refusals: Set<Int> = [403, 404]
    }

    @Test func `can be neither seen nor changed by its id, in any route`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let bob = try await anyone.signedUp("bob")
            let me = try await ann.call(.GET, "/users/me", headers: ["Wait-For-Position": "2"])
            let user = try #require(me.data["id"]?.text)
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Hidden","content":"nobody's business","slug":"hidden"}"#)
            let draft = try #require(drafted.data["id"]?.text)
            let published = try await ann.call(.POST, "/posts", json: #"{"title":"Shown","content":"for all","publish":true}"#)
            let post = try #require(published.data["id"]?.text)
            let wait = ["Wait-For-Position": published.position]
            #expect(try await ann.call(.GET, "/posts/\(draft)", headers: wait).status == 200)

            let attempts = attempts(user: user, draft: draft, post: post)
            for attempt in attempts {
                for (name, client, refusals) in [("bob", bob, attempt.refusals), ("nobody", anyone, attempt.refusals.union([401]))] {
                    let answer = try await client.call(attempt.method, attempt.path, json: attempt.json, headers: wait)
                    #expect(refusals.contains(answer.status), "\(name): \(attempt.method) \(attempt.path): \(answer.status)")
                    let text = String(decoding: answer.body, as: UTF8.self)
                    #expect(!text.contains("nobody's business") && !text.contains("ann@example.org"), "\(name): \(attempt.method) \(attempt.path)")
                }
            }
            // The public part of another person shows nothing of the hidden part.
            for client in [bob, anyone] {
                for path in ["/users/\(user)", "/users/\(user)/posts", "/posts", "/posts/\(post)"] {
                    let answer = try await client.call(.GET, path, headers: wait)
                    let text = String(decoding: answer.body, as: UTF8.self)
                    #expect(answer.status == 200 && !text.contains("ann@example.org") && !text.contains(draft) && !text.contains("idden"), "\(path)")
                }
            }
            // Nothing has changed.
            #expect(try await ann.call(.GET, "/posts/\(draft)").data["version"]?.int == 1)
            #expect(try await ann.call(.GET, "/posts/\(post)").data["title"]?.text == "Shown")
            #expect(try await ann.call(.GET, "/users/me").data["role"]?.text == "user")
            #expect(try await bob.call(.GET, "/users/me").data["role"]?.text == "user")
            #expect(
                try await system.query("SELECT count(*) FROM log.events WHERE stream IN ('post-\(draft)', 'post-\(post)')", in: "annals_log") == "3")

            // A route with an id that is not in the table above has not been attacked.
            let routes = Endpoint.allCases.map(\.route).filter { $0.isPublic && $0.path.contains("{") }.map(\.path)
            #expect(routes.count > 10)
            let covered = Set(attempts.map(\.route)).union(["/api/v1/audit/tile/{path...}", "/assets/{name}"])
            #expect(Set(routes).subtracting(covered).isEmpty, "\(Set(routes).subtracting(covered))")
        }
    }

    private func attempts(user: String, draft: String, post: String) -> [Attempt] {
        let one = "/api/v1/posts/{id}"
        var attempts: [Attempt] = []
        for id in [draft, post] {
            attempts += [
                Attempt(method: .GET, route: one, path: "/posts/\(id)?version=1"),
                Attempt(method: .GET, route: one, path: "/posts/\(id)?asOf=2100-01-01T00:00:00Z"),
                Attempt(method: .PATCH, route: one, path: "/posts/\(id)", json: #"{"title":"Bob was here"}"#),
                Attempt(method: .DELETE, route: one, path: "/posts/\(id)"),
                Attempt(method: .POST, route: one + "/publish", path: "/posts/\(id)/publish"),
                Attempt(method: .POST, route: one + "/unpublish", path: "/posts/\(id)/unpublish"),
                Attempt(
                    method: .POST, route: one + "/schedule", path: "/posts/\(id)/schedule",
                    json: #"{"at":"\#(Timestamp.now.advanced(by: .seconds(86_400)))"}"#),
                Attempt(method: .DELETE, route: one + "/schedule", path: "/posts/\(id)/schedule"),
                Attempt(method: .GET, route: one + "/history", path: "/posts/\(id)/history"),
                Attempt(method: .GET, route: one + "/views", path: "/posts/\(id)/views?by=day"),
            ]
        }
        return attempts + [
            Attempt(method: .GET, route: one, path: "/posts/\(draft)"),
            Attempt(method: .POST, route: one + "/views", path: "/posts/\(draft)/views"),
            Attempt(method: .GET, route: "/api/v1/posts/by-slug/{slug}", path: "/posts/by-slug/hidden"),
            Attempt(method: .GET, route: "/api/v1/users/{id}", path: "/users/\(draft)"),
            Attempt(method: .GET, route: "/api/v1/users/{id}/posts", path: "/users/\(draft)/posts"),
            Attempt(method: .PUT, route: "/api/v1/users/{id}/role", path: "/users/\(user)/role", json: #"{"role":"admin"}"#),
            Attempt(method: .POST, route: "/api/v1/users/{id}/deactivate", path: "/users/\(user)/deactivate"),
            Attempt(method: .POST, route: "/api/v1/users/{id}/reactivate", path: "/users/\(user)/reactivate"),
            Attempt(method: .GET, route: "/api/v1/users/closures/{closureId}", path: "/users/closures/\(user)"),
            Attempt(method: .GET, route: "/api/v1/audit/events/{position}/proof", path: "/audit/events/1/proof"),
            Attempt(method: .DELETE, route: "/api/v1/webhooks/{id}", path: "/webhooks/\(draft)"),
            Attempt(method: .GET, route: "/api/v1/webhooks/{id}/deliveries", path: "/webhooks/\(draft)/deliveries"),
            Attempt(method: .POST, route: "/api/v1/webhooks/{id}/test", path: "/webhooks/\(draft)/test"),
            Attempt(method: .POST, route: "/api/v1/webhooks/{id}/replay", path: "/webhooks/\(draft)/replay", json: #"{"after":0}"#),
            Attempt(method: .POST, route: "/api/v1/webhooks/{id}/secret", path: "/webhooks/\(draft)/secret", json: "{}"),
            Attempt(method: .GET, route: "/api/v1/webhooks", path: "/webhooks"),
            Attempt(method: .GET, route: "/api/v1/users", path: "/users"),
            Attempt(method: .GET, route: "/api/v1/events/stream", path: "/events/stream"),
            Attempt(method: .GET, route: "/api/v1/audit/events", path: "/audit/events"),
        ]
    }

    @Test func `is not reached by naming oneself as its owner`() async throws {
        try await withSystem { _, anyone in
            let ann = try await anyone.signedUp("ann")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Hidden","content":"x"}"#)
            let id = try #require(drafted.data["id"]?.text)
            let bob = try await anyone.signedUp("bob")
            // A list by author shows drafts to their author: the author asked for, not the one who asks, decides.
            let author = try #require(try await ann.call(.GET, "/users/me", headers: ["Wait-For-Position": drafted.position]).data["id"]?.text)
            for path in ["/posts?author=\(author)", "/users/\(author)/posts"] {
                let seen = try await bob.call(.GET, path, headers: ["Wait-For-Position": drafted.position])
                #expect(seen.status == 200 && !String(decoding: seen.body, as: UTF8.self).contains(id))
            }
            // An idempotency key of another caller answers nothing of theirs.
            let key = ["Idempotency-Key": "the-same-key"]
            let first = try await ann.call(.POST, "/posts", json: #"{"title":"Mine","content":"x"}"#, headers: key)
            let second = try await bob.call(.POST, "/posts", json: #"{"title":"Mine","content":"x"}"#, headers: key)
            #expect(first.status == 201 && second.status == 201 && first.data["id"] != second.data["id"])
            #expect(second.headers.first(name: "Idempotency-Replayed") == nil)
        }
    }
}

/// Broken object property level authorization (OWASP API3).
@Suite(.timeLimit(.minutes(longestTest))) struct `A field that nobody offers` {
    @Test func `is refused by name, and changes nothing`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"T","content":"C"}"#)
            let post = try #require(drafted.data["id"]?.text)
            let attempts: [(HTTPMethod, String, [String: String], [(String, String)])] = [
                (
                    .POST, "/auth/register", ["username": "eve", "email": "eve@example.org", "password": "a long password"],
                    [
                        ("role", "\"admin\""), ("id", "\"0198a3c4-0000-7000-8000-000000000000\""), ("isAdmin", "true"), ("operator", "true"),
                        ("__proto__", "{}"),
                    ]
                ),
                (.POST, "/auth/login", ["email": "ann@example.org", "password": "a password of ann"], [("role", "\"admin\""), ("aud", "[]")]),
                (
                    .PATCH, "/users/me", ["displayName": "Ann"],
                    [
                        ("role", "\"admin\""), ("id", "\"x\""), ("version", "9"), ("createdAt", "\"2000-01-01T00:00:00Z\""), ("postCount", "9"),
                        ("status", "1"),
                    ]
                ),
                (
                    .POST, "/posts", ["title": "T", "content": "C"],
                    [("author", "\"x\""), ("authorId", "\"x\""), ("viewCount", "9"), ("id", "\"x\""), ("published", "true"), ("version", "9")]
                ),
                (
                    .PATCH, "/posts/\(post)", ["title": "Changed"],
                    [("author", "\"x\""), ("viewCount", "9"), ("publishedAt", "\"2000-01-01T00:00:00Z\"")]
                ),
                (.POST, "/posts/\(post)/publish", [:], [("author", "\"x\""), ("version", "9")]),
            ]
            let before = try await system.query("SELECT max(position) FROM log.events", in: "annals_log")
            for (method, path, fields, extras) in attempts {
                for (name, value) in extras {
                    let members = fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" } + ["\"\(name)\":\(value)"]
                    let answer = try await ann.call(method, path, json: "{\(members.joined(separator: ","))}")
                    #expect(answer.status == 422 && answer.fields == [name], "\(method) \(path) \(name): \(answer.status) \(answer.fields)")
                }
            }
            #expect(try await system.query("SELECT max(position) FROM log.events", in: "annals_log") == before)
            #expect(try await ann.call(.GET, "/users/me").data["role"]?.text == "user")
        }
    }
}
