import EventSourcing
import Foundation
import Glibc
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The live feeds` {
    @Test(arguments: [false, true])
    func `tell anybody what happens to published posts, and admins everything, in one process and apart`(isApart: Bool) async throws {
        try await withSystem(isApart: isApart) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let admin = try await system.admin()
            var posts = anyone.watch("/posts/stream").makeAsyncIterator()
            let first = try #require(try await posts.next())
            #expect(first.name == "heartbeat" && first.id == first.data["head"]?.int)

            let (post, view) = try await self.makePost(ann, anyone)
            // Each step is told before the next happens: of a post that is gone, less is told.
            var seen = try await posts.events(to: view)
            var last = view
            for (method, suffix) in [(HTTPMethod.POST, "/unpublish"), (.POST, "/publish"), (.DELETE, "")] {
                let answer = try await ann.call(method, post + suffix)
                #expect(answer.status < 300)
                last = try #require(Int64(answer.position))
                seen += try await posts.events(to: last)
                if suffix == "/publish" { _ = try await anyone.watched("/posts/stream?type=published", after: last - 1, to: last) }
            }
            #expect(seen.map(\.name) == ["published", "edited", "viewed", "unpublished", "published", "deleted"])
            #expect(seen[0].data["title"]?.text == "Hello" || seen[0].data["title"]?.text == "Hello again")
            #expect(seen[1].data["title"]?.text == "Hello again" && seen[2].data["viewCount"]?.int == 1)
            #expect(seen[5].data == .object(["id": seen[0].data["id"] ?? .null]))

            // A post that is gone by now is told without its words.
            let again = try await anyone.watched("/posts/stream", after: first.id, to: last)
            #expect(again.map(\.name) == ["unpublished", "deleted"])

            // Every position once, however often the reader comes and goes.
            var positions: [Int64] = []
            while positions.last ?? 0 < last {
                let from = positions.last ?? 0
                positions += try await admin.watched("/events/stream?after=0", after: from == 0 ? nil : from, to: min(last, from + 4)).compactMap(
                    \.id)
            }
            #expect(positions == Array(1...last))

            for (path, reader, status) in [
                ("/events/stream", anyone, 401), ("/events/stream", ann, 403), ("/events/stream?after=999999", admin, 409),
                ("/posts/stream?after=999999", anyone, 409), ("/posts/stream?after=x", anyone, 422),
            ] {
                let answer = try await reader.call(.GET, path)
                #expect(answer.status == status, "\(path)")
                if status == 409 { #expect(answer.code == "POSITION_AHEAD") }
            }

            try await self.erase(ann, anyone)
            // Another process keeps a key for a minute, and an opened page for two heartbeats.
            try await eventually {
                let everything = try await admin.watched("/events/stream?after=0&category=user", to: last + 1)
                return everything.contains { $0.name == "UserRegistered" } && !"\(everything.map(\.data))".contains("ann@example.org")
            }

            // A stop ends what is still watched.
            var rest = admin.watch("/events/stream").makeAsyncIterator()
            _ = try await rest.next()
            async let stopped = system.interrupt()
            var end: FedEvent?
            do {
                while let event = try await rest.next() { end = event }
            } catch {
                // A gateway may end before the service that it reads from.
                #expect(isApart, "\(error)")
            }
            #expect(end?.name == "end" && end?.data["reason"]?.text == "shutdown" || isApart)
            #expect(await stopped == 0)
        }
    }

    @Test(arguments: ["commands", "queries"]) func `end in words when a service behind the gateway stops`(service: String) async throws {
        try await withSystem(isApart: true) { system, anyone in
            let reader = service == "queries" ? anyone : try await system.admin()
            var feed = reader.watch(service == "queries" ? "/posts/stream" : "/events/stream").makeAsyncIterator()
            var last = try await feed.next()
            kill(try #require(try system.services()[service]?.pid), SIGTERM)
            while let event = try await feed.next() { last = event }
            #expect(last?.name == "end" && last?.data["reason"]?.text == "shutdown", "\(String(describing: last))")
        }
    }

    /// Makes and deletes a draft; drafts, publishes, edits and looks at a post. Returns its path and the position of the view.
    private func makePost(_ ann: Client, _ anyone: Client) async throws -> (path: String, view: Int64) {
        let draft = try await ann.call(.POST, "/posts", json: #"{"title":"Secret","content":"x"}"#)
        _ = try await ann.call(.PATCH, "/posts/\(draft.data["id"]?.text ?? "")", json: #"{"title":"More secret"}"#)
        _ = try await ann.call(.DELETE, "/posts/\(draft.data["id"]?.text ?? "")")
        let post = try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"x","publish":true}"#)
        let path = "/posts/\(try #require(post.data["id"]?.text))"
        let edited = try await ann.call(.PATCH, path, json: #"{"title":"Hello again"}"#)
        let viewed = try await anyone.call(.POST, "\(path)/views", headers: ["Wait-For-Position": edited.position])
        #expect(edited.status == 200 && viewed.status == 202)
        // Readers have the view's count before the post is taken back.
        let view = try #require(Int64(viewed.position))
        _ = try await anyone.watched("/posts/stream?type=viewed", after: Int64(edited.position), to: view)
        return (path, view)
    }

    private func erase(_ ann: Client, _ anyone: Client) async throws {
        let closing = try await ann.call(.DELETE, "/users/me", json: #"{"password":"a password of ann"}"#)
        let closure = try #require(closing.data["closureId"]?.text)
        try await eventually { try await anyone.call(.GET, "/users/closures/\(closure)").data["receipt"]?.text != nil }
    }

    @Test func `are read by httpx-sse and by Chromium's EventSource`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let report = try JSONValue.parse(
                try await OtherPrograms.run("feed.py", ["http://127.0.0.1:\(system.port)", try #require(ann.token)]).utf8)
            let titles: JSONValue = .array((0..<8).map { .string("Post \($0)") })
            #expect(report["httpx"] == titles && report["browser"] == titles && report["sameIDs"] == .bool(true), "\(report)")
            #expect(report["complaints"] == .array([]), "\(report)")
        }
    }
}
