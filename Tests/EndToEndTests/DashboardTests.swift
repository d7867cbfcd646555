import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A user's dashboard` {
    @Test func `shows the user's own and everyone's, and names a part that fails while it fails`() async throws {
        try await withSystem(environment: ["ANNALS_DASHBOARD_DEADLINE": "1s"]) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            for number in 1...6 {
                #expect(try await ann.call(.POST, "/posts", json: #"{"title":"Post \#(number)","content":"x","publish":true}"#).status == 201)
            }
            let draft = try await ann.call(.POST, "/posts", json: #"{"title":"Draft","content":"x"}"#)
            let first = try await anyone.call(.GET, "/posts/by-slug/post-3", headers: ["Wait-For-Position": draft.position, "DNT": "1"])
            let id = try #require(first.data["id"]?.text)
            var viewed = draft
            for _ in 1...2 { viewed = try await anyone.call(.POST, "/posts/\(id)/views") }
            #expect(viewed.status == 202)

            func dashboard() async throws -> Client.Answer {
                try await ann.call(.GET, "/dashboard", headers: ["Wait-For-Position": viewed.position])
            }
            // On a slow machine any part may be late once.
            var whole = try await dashboard()
            try await eventually {
                guard whole.json["unavailable"] != .array([]) else { return true }
                whole = try await dashboard()
                return false
            }
            #expect(whole.status == 200)
            #expect(whole.data["user"]?["email"]?.text == "ann@example.org")
            #expect(whole.data["totals"] == .object(["posts": .integer(7), "published": .integer(6), "views": .integer(2)]))
            let titles = whole.data["posts"]?.elements.map { $0["title"]?.text }
            #expect(titles == ["Draft", "Post 6", "Post 5", "Post 4", "Post 3"])
            #expect(whole.data["trending"]?.elements.map { $0["id"]?.text } == [id])
            #expect(whole.headers.first(name: "Read-Model-Position").flatMap { Int64($0) } ?? 0 >= Int64(viewed.position) ?? .max)
            #expect(try await anyone.call(.GET, "/dashboard").status == 401)

            let totals = whole.data["totals"]
            try await system.session("annals_read") { session in
                try await session.execute(script: "BEGIN; LOCK TABLE trending.bucket IN ACCESS EXCLUSIVE MODE")
                try await eventually {
                    let partial = try await ann.call(.GET, "/dashboard")
                    guard partial.json["unavailable"] == .array([.string("trending")]) else { return false }
                    #expect(partial.status == 200 && partial.data["trending"] == .null && partial.data["totals"] == totals)
                    return true
                }
                try await session.execute(script: "ROLLBACK")
            }
            try await eventually { try await dashboard().json["unavailable"] == .array([]) }
        }
    }
}

extension JSONValue {
    /// The elements of an array; of anything else none.
    fileprivate var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
}
