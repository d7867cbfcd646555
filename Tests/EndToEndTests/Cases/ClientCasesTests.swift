import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension `One running system` {
    @Suite(.timeLimit(.minutes(longestTest))) struct `asked by clients of every kind` {
        private let one = Result { try OneSystem.current }

        /// The part of an answer about the calls that are left, without the time.
        private func left(_ answer: Client.Answer) -> String? {
            answer.headers.first(name: "RateLimit")?.components(separatedBy: "t=").first
        }

        // MARK: Browsers and proxies

        @Test func `charges nobody for preflights, and refuses with CORS fields`() async throws {
            let anyone = try one.get().anyone
            let page = ["X-Forwarded-For": "203.0.113.1", "Origin": "https://app.example.org"]
            let asking = ["Access-Control-Request-Method": "POST"]
            for _ in 1...201 {
                let preflight = try await anyone.call(.OPTIONS, "/posts", headers: page.merging(asking) { old, _ in old })
                #expect(preflight.status == 204)
            }
            let first = try await anyone.call(.GET, "/posts", headers: page)
            #expect(first.status == 200 && left(first) == #""default";r=199;"#)
            for _ in 1...199 { _ = try await anyone.call(.GET, "/nothing", headers: page) }
            let refused = try await anyone.call(.GET, "/posts", headers: page)
            #expect(refused.status == 429)
            #expect(refused.headers.first(name: "Access-Control-Allow-Origin") == "https://app.example.org")
            #expect(refused.headers.first(name: "Access-Control-Expose-Headers")?.contains("Retry-After") == true)
            let preflight = try await anyone.call(.OPTIONS, "/posts", headers: page.merging(asking) { old, _ in old })
            #expect(preflight.status == 204 && preflight.headers.first(name: "Access-Control-Allow-Methods")?.contains("POST") == true)
        }

        @Test(arguments: ["traceparent", "tracestate", "baggage", "sentry-trace"]) func `lets pages trace their calls`(header: String) async throws {
            let preflight = try await one.get().anyone.call(
                .OPTIONS, "/posts",
                headers: [
                    "Origin": "https://app.example.org", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": header,
                ])
            let allowed = preflight.headers.first(name: "Access-Control-Allow-Headers")?.components(separatedBy: ", ")
            #expect(allowed?.contains(header) == true)
        }

        @Test func `tells the clients of a proxy apart, whatever port and brackets it writes, and says what it can't read`() async throws {
            let one = try one.get()
            for (address, count) in [
                ("203.0.113.5:4711", 199), ("203.0.113.5:9", 198), ("203.0.113.5", 197), ("[2001:db8::1]:443", 199), ("[2001:db8::1]:80", 198),
                ("2001:db8::1", 197),
            ] {
                let answer = try await one.anyone.call(.GET, "/posts", headers: ["X-Forwarded-For": address])
                #expect(left(answer) == #""default";r=\#(count);"#, "\(address)")
            }
            _ = try await one.anyone.call(.GET, "/posts", headers: ["X-Forwarded-For": "no address"])
            try await eventually { try one.log.contains("forwards for something that is no address") }
        }

        @Test func `lets good tokens never pay for bad ones`() async throws {
            let one = try one.get()
            let ann = try await one.person("forgetful").client
            let home = ["X-Forwarded-For": "203.0.113.7"]
            for _ in 1...200 { _ = try await Client(base: ann.base, token: "x.y.z").call(.GET, "/posts", headers: home) }
            let bad = try await Client(base: ann.base, token: "x.y.z").call(.GET, "/posts", headers: home)
            #expect(bad.status == 429 && bad.json["violated-policies"] == .array([.string("bad-token")]))
            let good = try await ann.call(.GET, "/posts", headers: home)
            #expect(good.status == 200 && left(good)?.hasPrefix(#""default";r=19"#) == true)
            let anonymous = try await one.anyone.call(.GET, "/posts", headers: home)
            #expect(anonymous.status == 200 && left(anonymous) == #""default";r=199;"#)
        }

        // MARK: Connections

        @Test(arguments: ["HTTP/1.0\r\n", "HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n", "HTTP/1.1\r\nHost: x\r\nConnection: TE, close\r\n"])
        func `ends the connections of those who asked for that`(head: String) async throws {
            let wire = try Wire(port: one.get().system.port)
            await wire.send("GET /health \(head)\r\n")
            // Ends only because the server closes.
            let answers = try await wire.rest()
            #expect(answers.hasPrefix("HTTP/1.1 200 ") && answers.hasSuffix(#"{"status":"ok"}"#), "\(answers)")
        }

        @Test func `keeps nobody waiting who expects to be asked for the body`() async throws {
            let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            let wanted = try Wire(port: one.get().system.port)
            await wanted.send(head + "Content-Length: 2\r\n\r\n")
            #expect(try await wanted.answer() == "HTTP/1.1 100 Continue\r\n\r\n")
            await wanted.send("{}")
            #expect(try await wanted.answer().hasPrefix("HTTP/1.1 422 "))
            let unwanted = try Wire(port: one.get().system.port)
            await unwanted.send(head + "Content-Length: 99999999\r\n\r\n")
            #expect(try await unwanted.answer().hasPrefix("HTTP/1.1 413 "))
        }

        // MARK: Posts and accounts

        @Test func `moves a published post to another time`() async throws {
            let one = try one.get()
            let ann = try await one.person("archivist").client
            let made = try await ann.call(.POST, "/posts", json: #"{"title":"Moved","content":"x","publish":true}"#)
            let id = try #require(made.data["id"]?.text)
            let moved = try await ann.call(.POST, "/posts/\(id)/publish", json: #"{"publishedAt":"2014-06-02T10:00:00Z"}"#)
            #expect(moved.status == 200 && moved.data["version"] != made.data["version"])
            let read = try await ann.call(.GET, "/posts/\(id)", headers: try await one.waiting())
            #expect(read.data["publishedAt"]?.text == "2014-06-02T10:00:00.000Z")
            let again = try await ann.call(.POST, "/posts/\(id)/publish", json: #"{"publishedAt":"2014-06-02T10:00:00Z"}"#)
            #expect(again.status == 200 && again.data["version"] == moved.data["version"])
        }

        @Test func `refuses names and titles that deceive the eye`() async throws {
            let ann = try await one.get().person("forger").client
            for name in [#"\u200B"#, #"\u3164"#, #"Ann\u202E"#, #"\u2066Ann"#] {
                let answer = try await ann.call(.PATCH, "/users/me", json: #"{"displayName":"\#(name)"}"#)
                #expect(answer.status == 422 && answer.fields == ["displayName"], "\(name)")
            }
            let title = try await ann.call(.POST, "/posts", json: #"{"title":"a\u202Eb","content":"x"}"#)
            #expect(title.status == 422 && title.fields == ["title"])
        }

        @Test func `takes one domain for one, in whatever form it is written`() async throws {
            func register(_ username: String, _ email: String) async throws -> Client.Answer {
                try await one.get().anyone.call(
                    .POST, "/auth/register", json: #"{"username":"\#(username)","email":"\#(email)","password":"a long password"}"#)
            }
            #expect(try await register("unicode", "a@bücher.example").status == 201)
            for email in ["a@xn--bcher-kva.example", "A@BÜCHER.example", "a@ｂücher.example"] {
                let second = try await register("ascii", email)
                #expect(second.status == 409 && second.code == "DUPLICATE_ENTRY" && second.fields == ["email"], "\(email)")
            }
        }

        @Test func `says that an audit trail has no such position`() async throws {
            let one = try one.get()
            _ = try await one.person("auditor")
            #expect(try await one.system.annals("users", "promote", "auditor@example.org").code == 0)
            var answer = try await one.anyone.call(.GET, "/audit/events?after=1000000")
            #expect(answer.status == 401)
            // The role is in the tokens of the next sign-ins.
            try await eventually {
                let login = #"{"email":"auditor@example.org","password":"a password of auditor"}"#
                let token = try await one.anyone.call(.POST, "/auth/login", json: login).data["accessToken"]?.text
                answer = try await Client(base: one.anyone.base, token: token).call(.GET, "/audit/events?after=1000000")
                return ![401, 403, 503].contains(answer.status)
            }
            #expect(answer.status == 409 && answer.code == "POSITION_AHEAD")
        }

        @Test func `lets readers keep a post that only others have looked at`() async throws {
            let one = try one.get()
            let ann = try await one.person("famous").client
            let made = try await ann.call(.POST, "/posts", json: #"{"title":"Looked at","content":"x","publish":true}"#)
            let id = try #require(made.data["id"]?.text)
            let first = try await one.anyone.call(.GET, "/posts/\(id)", headers: ["Wait-For-Position": made.position])
            let tag = try #require(first.headers.first(name: "ETag"))
            let view = try await one.anyone.call(.POST, "/posts/\(id)/views")
            #expect(view.status == 202)
            let waiting = ["Wait-For-Position": view.position]
            let again = try await one.anyone.call(.GET, "/posts/\(id)", headers: waiting.merging(["If-None-Match": tag]) { old, _ in old })
            #expect(again.status == 304)
            let whole = try await one.anyone.call(.GET, "/posts/\(id)", headers: waiting)
            #expect(whole.headers.first(name: "ETag") == tag && whole.data["viewCount"]?.int ?? 0 > 0)
        }

        @Test func `keeps the session of two tabs that refresh at once`() async throws {
            let anyone = try one.get().anyone
            _ = try await one.get().person("tabs")
            let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"tabs@example.org","password":"a password of tabs"}"#)
            func refresh(_ answer: Client.Answer) async throws -> Client.Answer {
                try await anyone.call(.POST, "/auth/refresh", json: #"{"refreshToken":"\#(answer.data["refreshToken"]?.text ?? "")"}"#)
            }
            async let first = refresh(login)
            async let second = refresh(login)
            let both = try await [first, second]
            #expect(both.map(\.status) == [200, 200])
            #expect(try await refresh(both[1]).status == 200)
        }

        @Test func `takes null for a field that is absent`() async throws {
            let ann = try await one.get().person("terse").client
            let made = try await ann.call(.POST, "/posts", json: #"{"title":"No slug of mine","content":"x","slug":null,"publish":null}"#)
            #expect(made.status == 201 && made.data["slug"]?.text == "no-slug-of-mine")
        }
    }
}
