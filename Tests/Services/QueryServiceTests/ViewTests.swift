import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Synchronization
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `A view` {
    @Test func `is counted when somebody gets a published post, also one that they have already`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id, slug: "title").lowercased
            var calls = room.commands.calls.makeAsyncIterator()
            let first = try await room.get("/api/v1/posts/\(id)")
            #expect(await calls.next() == [id: 1])
            #expect(try await room.get("/api/v1/posts/\(id)", [.ifNoneMatch: first.tag ?? ""]).status == 304)
            #expect(await calls.next() == [id: 1])
            _ = try await room.get("/api/v1/posts/by-slug/title", as: Reader(id: .v7()))
            #expect(await calls.next() == [id: 1])
        }
    }

    @Test func `is not counted for the author, for DNT, for a repeat of the gateway, for HEAD, for a draft, for a list`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id).lowercased
            let draft = try await room.post("Draft", by: ann.id, publishedAt: nil).lowercased
            let witness = try await room.post("Witness", by: ann.id).lowercased
            #expect(try await room.get("/api/v1/posts/\(id)", as: ann).status == 200)
            #expect(try await room.get("/api/v1/posts/\(id)", [.doNotTrack: "1"]).status == 200)
            #expect(try await room.get("/api/v1/posts/\(id)", [.attempt: "2"]).status == 200)
            #expect(try await room.send(.head, "/api/v1/posts/\(id)", [:]).status == 200)
            #expect(try await room.get("/api/v1/posts/\(draft)", as: .admin()).status == 200)
            #expect(try await room.get("/api/v1/posts").status == 200)
            #expect(try await room.send(.post, "/api/v1/posts/\(witness)/views").status == 202)
            #expect(room.commands.counts == [witness: 1])
        }
    }

    @Test func `of their own post that an author asks to be recorded is none`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id).lowercased
            for headers in [[:], [.idempotencyKey: "k"]] as [HTTPFields] {
                let reply = try await room.send(.post, "/api/v1/posts/\(id)/views", as: ann, headers)
                #expect(reply.status == 202 && reply.headers[.position] != nil)
            }
            #expect(room.commands.callCount == 0)
        }
    }

    @Test func `from one address counts so often a minute, whichever way it comes, and others' as ever`() async throws {
        try await Newsroom.open(window: .threeViewsAViewer) { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            let other = try await room.post("Other", by: .v7()).lowercased
            let path = "/api/v1/posts/\(id)"
            _ = try await room.send(.get, path, from: "2001:db8::1")
            #expect(try await room.send(.post, path + "/views", from: "2001:db8::2").status == 202)
            #expect(try await room.send(.post, path + "/views", from: "2001:db8::1", [.idempotencyKey: "k"]).status == 202)
            let refused = try await room.send(.post, path + "/views", from: "2001:db8::3")
            #expect(refused.status == 429 && refused.code == "RATE_LIMITED" && refused.headers[.retryAfter] != nil)
            #expect(try await room.send(.get, path, from: "2001:db8::1").status == 200)
            #expect(try await room.send(.post, path + "/views", from: "2001:db8::1", [.idempotencyKey: "k"]).headers[.idempotencyReplayed] == "true")
            #expect(room.commands.counts == [id: 3])
            #expect(try await room.send(.post, "/api/v1/posts/\(other)/views", from: "2001:db8::1").status == 202)
            #expect(try await room.send(.post, path + "/views", from: "192.0.2.1").status == 202)
            #expect(try await room.send(.post, path + "/views", as: Reader(id: .v7()), from: "2001:db8::1").status == 202)
            #expect(room.commands.counts == [id: 5, other: 1])
        }
    }

    @Test func `whose call ends while it is on the way to the log holds nobody, and is counted`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            room.commands.become(.holding)
            var calls = room.commands.calls.makeAsyncIterator()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await room.send(.post, "/api/v1/posts/\(id)/views") }
                #expect(await calls.next() == [id: 1])
                group.cancelAll()
                _ = await group.nextResult()
            }
            room.commands.release()
            #expect(room.commands.counts == [id: 1])
        }
    }

    @Test func `that was asked to be recorded is durable when it is answered`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            let reply = try await room.send(.post, "/api/v1/posts/\(id)/views")
            #expect(reply.status == 202 && reply.headers[.position] == "101")
            #expect(room.commands.counts == [id: 1])
        }
    }

    @Test func `shares its call with others of the same window`() async throws {
        var settings = ViewWindowSettings()
        // Long enough for all four to come, however slow the machine is.
        settings.window = .seconds(3)
        try await Newsroom.open(window: settings) { room in
            let one = try await room.post("One", by: .v7()).lowercased
            let two = try await room.post("Two", by: .v7()).lowercased
            try await withThrowingTaskGroup(of: Reply.self) { group in
                for post in [one, one, one, two] { group.addTask { try await room.send(.post, "/api/v1/posts/\(post)/views") } }
                for try await reply in group { #expect(reply.status == 202 && reply.headers[.position] != nil) }
            }
            #expect(room.commands.counts == [one: 3, two: 1])
            #expect(room.commands.callCount < 4)
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: [[:], [.idempotencyKey: "k"]] as [HTTPFields])
    func `of a post that was published a moment ago waits until the read model knows it`(key: HTTPFields) async throws {
        try await Newsroom.open { room in
            let id = UUID.v7()
            try await room.move("posts", to: 4)
            room.commands.place(id, at: 5)
            var questions = room.commands.questions.makeAsyncIterator()
            async let reply = room.send(.post, "/api/v1/posts/\(id.lowercased)/views", key.merging([.prefer: "wait=10"]))
            #expect(await questions.next() == id)
            try await room.post("New", by: .v7(), id: id)
            try await room.move("posts", to: 5)
            #expect(try await reply.status == 202)
            #expect(room.commands.counts == [id.lowercased: 1])
        }
    }

    @Test func `of a post that the read model does not come to know in time is READ_MODEL_BEHIND`() async throws {
        try await Newsroom.open { room in
            let id = UUID.v7()
            room.commands.place(id, at: 5)
            let reply = try await room.send(.post, "/api/v1/posts/\(id.lowercased)/views", [.prefer: "wait=0"])
            #expect(reply.status == 503 && reply.code == "READ_MODEL_BEHIND")
            try await room.move("posts", to: 5)
            #expect(try await room.send(.post, "/api/v1/posts/\(id.lowercased)/views", [.prefer: "wait=0"]).status == 404)
        }
    }

    @Test func `of what is not there or not published is 404`() async throws {
        try await Newsroom.open { room in
            let draft = try await room.post("Draft", by: .v7(), publishedAt: nil)
            #expect(try await room.send(.post, "/api/v1/posts/\(draft.lowercased)/views", as: .admin()).status == 404)
            #expect(try await room.send(.post, "/api/v1/posts/\(UUID.v7().lowercased)/views").status == 404)
            #expect(try await room.send(.post, "/api/v1/posts/x/views").status == 400)
            #expect(room.commands.callCount == 0)
        }
    }

    @Test func `says nothing but that it happened`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            let reply = try await room.send(.post, "/api/v1/posts/\(id)/views", body: #"{"count":1000}"#)
            #expect(reply.status == 422 && reply.refusedFields == ["count"])
            #expect(try await room.send(.post, "/api/v1/posts/\(id)/views", body: "{}").status == 202)
        }
    }

    @Test func `with a key goes alone, and its repeat adds nothing`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            let other = try await room.post("Other", by: .v7()).lowercased
            let reader = Reader(id: .v7())
            let first = try await room.send(.post, "/api/v1/posts/\(id)/views", as: reader, [.idempotencyKey: "k"])
            let again = try await room.send(.post, "/api/v1/posts/\(id)/views", as: reader, [.idempotencyKey: "k"])
            #expect(first.status == 202 && first.headers[.idempotencyReplayed] == nil)
            #expect(again.status == 202 && again.headers[.idempotencyReplayed] == "true" && again.headers[.position] == first.headers[.position])
            #expect(room.commands.counts == [id: 1])
            let reused = try await room.send(.post, "/api/v1/posts/\(other)/views", as: reader, [.idempotencyKey: "k"])
            #expect(reused.status == 422 && reused.code == "IDEMPOTENCY_KEY_REUSED")
            // Another caller's key of the same name is another key.
            #expect(try await room.send(.post, "/api/v1/posts/\(other)/views", as: Reader(id: .v7()), [.idempotencyKey: "k"]).status == 202)
            #expect(try await room.send(.post, "/api/v1/posts/\(id)/views", as: reader, [.idempotencyKey: ""]).status == 400)
        }
    }

    @Test func `that was recorded under a key is so whatever became of the post, and however far the read model is`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7())
            let path = "/api/v1/posts/\(id.lowercased)/views"
            let reader = Reader(id: .v7())
            let behind: HTTPFields = [.waitForPosition: "1000000", .prefer: "wait=0"]
            #expect(try await room.send(.post, path, as: reader, behind.merging([.idempotencyKey: "k"])).status == 503)
            let first = try await room.send(.post, path, as: reader, [.idempotencyKey: "k"])
            #expect(first.status == 202)
            for headers in [behind, [:]] {
                let again = try await room.send(.post, path, as: reader, headers.merging([.idempotencyKey: "k"]))
                #expect(again.status == 202 && again.headers[.idempotencyReplayed] == "true" && again.text == first.text)
                try await room.unpublish(id)
            }
            #expect(try await room.send(.post, path, as: reader, [.idempotencyKey: "other"]).status == 404)
            #expect(room.commands.counts == [id.lowercased: 1])
        }
    }

    @Test func `is the same from another address under the same key where nobody is signed in`() async throws {
        try await Newsroom.open { room in
            let path = "/api/v1/posts/\(try await room.post("Title", by: .v7()).lowercased)/views"
            for (address, isReplay) in [("192.0.2.1", false), ("192.0.2.2", true), ("192.0.2.1", true)] {
                let reply = try await room.send(.post, path, from: address, [.idempotencyKey: "k"])
                #expect(reply.status == 202 && (reply.headers[.idempotencyReplayed] != nil) == isReplay, "\(address)")
            }
        }
    }

    @Test(arguments: ["text/plain;charset=UTF-8", "application/json", "application/x-www-form-urlencoded"])
    func `needs no body, whatever a browser calls the one that it does not send`(type: String) async throws {
        try await Newsroom.open { room in
            let path = "/api/v1/posts/\(try await room.post("Title", by: .v7()).lowercased)/views"
            #expect(try await room.send(.post, path, [.contentType: type, .contentLength: "0"]).status == 202)
        }
    }

    @Test func `that can't be recorded is 503 for who waits, and counted later for who does not`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            var calls = room.commands.calls.makeAsyncIterator()
            room.commands.become(.failing(3))
            _ = try await room.get("/api/v1/posts/\(id)")
            for _ in 1...4 { #expect(await calls.next() == [id: 1]) }
            #expect(room.commands.counts == [id: 1])

            room.commands.become(.failing(.max))
            let refused = try await room.send(.post, "/api/v1/posts/\(id)/views")
            #expect(refused.status == 503 && refused.code == "UNAVAILABLE" && refused.headers[.retryAfter] != nil)
            let alone = try await room.send(.post, "/api/v1/posts/\(id)/views", [.idempotencyKey: "k"])
            #expect(alone.status == 503)
        }
    }

    @Test func `that was recorded by a call without an answer is not recorded again`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            var calls = room.commands.calls.makeAsyncIterator()
            room.commands.become(.forgetful(2))
            _ = try await room.get("/api/v1/posts/\(id)")
            for _ in 1...3 { #expect(await calls.next() == [id: 1]) }
            #expect(room.commands.counts == [id: 1])
        }
    }

    @Test func `that is refused for good does not hold up others`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            room.commands.become(.refusing)
            #expect(try await room.send(.post, "/api/v1/posts/\(id)/views").status == 503)
            room.commands.become(.good)
            #expect(try await room.send(.post, "/api/v1/posts/\(id)/views").status == 202)
            #expect(room.commands.counts == [id: 1])
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A clean stop` {
    @Test func `sends the views that wait in the window`() async throws {
        var settings = ViewWindowSettings()
        settings.window = .milliseconds(50)
        let kept = Mutex<(CommandPeer, String)?>(nil)
        try await Newsroom.open(window: settings) { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            for _ in 1...3 { _ = try await room.get("/api/v1/posts/\(id)") }
            kept.withLock { $0 = (room.commands, id) }
        }
        let (commands, id) = try #require(kept.withLock { $0 })
        #expect(commands.counts == [id: 3])
    }

    @Test func `takes no views any more`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7())
            room.queries.views.stop()
            // Answered 202 when the last window took it, 503 after that; never left hanging.
            var statuses: [Int] = []
            repeat { statuses.append(try await room.send(.post, "/api/v1/posts/\(id.lowercased)/views").status) } while statuses.last == 202
            #expect(statuses.last == 503)
            #expect(room.commands.counts[id.lowercased] ?? 0 == Int64(statuses.count - 1))
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The views of a post by time` {
    @Test func `are counted by hour and by day for the author and for admins`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id)
            try await room.views(2, of: id, hour: 1)
            try await room.views(3, of: id, hour: 23)
            try await room.views(4, of: id, hour: 24)
            let path = "/api/v1/posts/\(id.lowercased)/views"
            for reader in [ann, .admin()] {
                let hours = try await room.get(path + "?by=hour", as: reader).text
                #expect(
                    hours == """
                        {"data":[{"at":"2026-01-01T01:00:00.000Z","count":2},{"at":"2026-01-01T23:00:00.000Z","count":3},\
                        {"at":"2026-01-02T00:00:00.000Z","count":4}],"pagination":{"limit":20,"total":3}}
                        """)
                let days = try await room.get(path + "?by=day", as: reader).text
                #expect(
                    days == """
                        {"data":[{"at":"2026-01-01T00:00:00.000Z","count":5},{"at":"2026-01-02T00:00:00.000Z","count":4}],\
                        "pagination":{"limit":20,"total":2}}
                        """)
            }
            let part = try await room.get(path + "?by=hour&from=2026-01-01T02:00:00Z&to=2026-01-02T00:00:00Z", as: ann)
            #expect(part.data?.elements.map { $0["count"] } == [.integer(3)] && part.json["pagination"]?["total"] == .integer(1))
            #expect(try await room.get(path + "?by=hour", as: ann, [.ifNoneMatch: part.tag ?? ""]).status == 200)
            let tag = try #require(try await room.get(path, as: ann).tag)
            #expect(try await room.get(path, as: ann, [.ifNoneMatch: tag]).status == 304)
        }
    }

    @Test(
        arguments: [
            ("by=hour", 7, [[6, 7, 8], [3, 4, 5], [2]]), ("by=day", 3, [[9, 11, 15]]),
            ("by=hour&from=2026-01-01T23:00:00Z", 5, [[6, 7, 8], [4, 5]]),
        ] as [(String, Int64, [[Int64]])])
    func `are walked by cursor from the newest to the oldest, each page in order of time`(query: String, total: Int64, pages: [[Int64]]) async throws
    {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id)
            for (hour, count) in zip([0, 1, 23, 24, 25, 48, 49] as [Int64], 2...8 as ClosedRange<Int64>) {
                try await room.views(count, of: id, hour: hour)
            }
            try await room.views(100, of: try await room.post("Other", by: ann.id), hour: 1)
            let path = "/api/v1/posts/\(id.lowercased)/views"
            var seen: [[Int64?]] = []
            var cursor: String? = ""
            while let next = cursor {
                let page = try await room.get("\(path)?\(query)&limit=3\(next)", as: ann)
                #expect(page.json["pagination"]?["total"] == .integer(total) && page.json["pagination"]?["limit"] == .integer(3), "\(page.text)")
                seen.append(page.data?.elements.map { $0["count"]?.int } ?? [])
                cursor = page.nextCursor.map { "&cursor=\($0)" }
            }
            #expect(seen == pages.map { $0.map(Optional.some) })
        }
    }

    @Test func `have cursors of their own`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id)
            let other = try await room.post("Other", by: ann.id)
            for hour in 0..<2 { try await room.views(1, of: id, hour: Int64(hour)) }
            let path = "/api/v1/posts/\(id.lowercased)/views"
            let cursor = try #require(try await room.get("\(path)?by=hour&limit=1", as: ann).nextCursor)
            #expect(try await room.get("\(path)?by=hour&limit=1&cursor=\(cursor)", as: ann).status == 200)
            for wrong in ["\(path)?by=day&cursor=\(cursor)", "/api/v1/posts/\(other.lowercased)/views?by=hour&cursor=\(cursor)", "\(path)?cursor=x"] {
                #expect(try await room.get(wrong, as: ann).code == "MALFORMED_REQUEST")
            }
            #expect(try await room.get("\(path)?limit=101&page=1", as: ann).refusedFields == ["limit", "page"])
        }
    }

    @Test func `are nobody else's business`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id)
            let draft = try await room.post("Draft", by: ann.id, publishedAt: nil)
            let bob = Reader(id: .v7())
            #expect(try await room.get("/api/v1/posts/\(id.lowercased)/views").status == 401)
            #expect(try await room.get("/api/v1/posts/\(id.lowercased)/views", as: bob).status == 403)
            #expect(try await room.get("/api/v1/posts/\(draft.lowercased)/views", as: bob).status == 404)
            #expect(try await room.get("/api/v1/posts/\(UUID.v7().lowercased)/views", as: ann).status == 404)
            #expect(try await room.get("/api/v1/posts/\(draft.lowercased)/views", as: ann).data == .array([]))
            let reply = try await room.get("/api/v1/posts/\(id.lowercased)/views?by=year&from=x", as: ann)
            #expect(reply.status == 422 && Set(reply.refusedFields) == ["by", "from"])
        }
    }
}

extension ViewWindowSettings {
    /// Three views of a post by each address.
    static var threeViewsAViewer: ViewWindowSettings {
        var settings = ViewWindowSettings()
        settings.viewsPerViewer = 3
        // An hour stands for the minute: no machine is so slow that it goes by meanwhile.
        settings.viewerWindow = .seconds(3600)
        settings.window = .milliseconds(1)
        return settings
    }
}
