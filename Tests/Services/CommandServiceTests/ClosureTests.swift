import AccessTokens
import CommandService
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Publishing
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Closing an account in the log` {
    @Test func `first takes away what every command of the user requires, and records the request alone`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let closure = UUID.v7()
            let requested = try await newsroom.close(ann, closure, "")
            #expect(requested.status == 200 && requested.data?["closure"]?.text == closure.lowercased)
            #expect(requested.happened == ["ClosureRequested"])
            for (method, path, body) in [
                (HTTPRequest.Method.post, "/api/v1/posts", #"{"title":"T","content":"c"}"#), (.post, post.path + "/publish", nil),
                (.patch, "/api/v1/users/me", #"{"bio":"b"}"#),
            ] {
                let reply = try await newsroom.call(method, path, body, by: ann)
                #expect(reply.status == 401 && reply.happened == [])
            }
            // An account is closed once, also under another id.
            for id in [closure, .v7()] {
                let again = try await newsroom.close(ann, id, "")
                #expect(again.data?["closure"]?.text == closure.lowercased && again.happened == [])
            }
        }
    }

    @Test func `is requested once by many that come at the same time`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let closures = try await withThrowingTaskGroup(of: String?.self) { group in
                for _ in 0..<8 { group.addTask { try await newsroom.close(ann, .v7(), "").data?["closure"]?.text } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(closures).count == 1 && closures.allSatisfy { $0 != nil })
        }
    }

    @Test func `is not undone by an admin once it has begun`() async throws {
        try await Newsroom.open { newsroom in
            let (root, ann) = (try await newsroom.admin("root"), try await newsroom.person("ann"))
            _ = try await newsroom.close(ann, .v7(), "")
            for (method, order, body) in [(HTTPRequest.Method.put, "role", #"{"role":"admin"}"#), (.post, "reactivate", nil)] {
                let reply = try await newsroom.call(method, "/api/v1/users/\(ann.id.lowercased)/\(order)", body, by: root)
                #expect(reply.status == 409 && reply.code == "CONFLICT" && reply.happened == [], "\(order)")
            }
        }
    }

    @Test func `frees email, username and slugs for anybody`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, title: "The slug", publish: true)
            let closure = UUID.v7()
            #expect(try await newsroom.closeFully(ann, closure, posts: [post.id]) == ["ClosureRequested", "UserClosed", "PostDeleted"])
            let bob = try await newsroom.person("bob")
            let renamed = try await newsroom.call(.patch, "/api/v1/users/me", #"{"username":"ann","email":"ann@example.org"}"#, by: bob)
            #expect(renamed.status == 200)
            let reply = try await newsroom.call(.post, "/api/v1/posts", #"{"title":"x","content":"c","slug":"the-slug"}"#, by: bob)
            #expect(reply.status == 201)
        }
    }

    @Test func `happens once however often each step is asked for`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let posts = [try await newsroom.post(by: ann, title: "One"), try await newsroom.post(by: ann, title: "Two", publish: true)]
            let (closure, ids) = (UUID.v7(), posts.map(\.id))
            let happened = try await newsroom.closeFully(ann, closure, posts: ids)
            #expect(happened.sorted() == ["ClosureRequested", "PostDeleted", "PostDeleted", "UserClosed"])
            #expect(try await newsroom.closeFully(ann, closure, posts: ids) == [])
            // The count is of what this closure has deleted, whichever call it was.
            let counted = try await newsroom.close(ann, closure, "/posts", posts: ids)
            #expect(counted.data?["count"]?.int == 2)
        }
    }

    @Test func `says in each event who, by which request, and of a deletion that the closure caused it`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            try await newsroom.closeFully(ann, .v7(), posts: [post.id])
            let closed = try #require(try await newsroom.events(of: ann.stream).last)
            let deleted = try #require(try await newsroom.events(of: post.stream).last)
            #expect(closed.type == "UserClosed" && deleted.type == "PostDeleted")
            #expect(deleted.metadata.causation == closed.id)
            let wish = "0198a3c4-0000-7000-8000-000000000e15"
            #expect([closed, deleted].allSatisfy { $0.metadata.actor == ann.id && $0.metadata.correlation == wish })
        }
    }

    @Test func `passes over posts that are deleted already`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            _ = try await newsroom.call(.delete, post.path, by: ann)
            let closure = UUID.v7()
            try await newsroom.closeFully(ann, closure, posts: [])
            let reply = try await newsroom.close(ann, closure, "/posts", posts: [post.id])
            #expect(reply.status == 200 && reply.data?["count"]?.int == 0 && reply.happened == [])
        }
    }

    @Test func `deletes nothing of an account that is open, nor of anybody else`() async throws {
        try await Newsroom.open { newsroom in
            let (ann, bob) = (try await newsroom.person("ann"), try await newsroom.person("bob"))
            let post = try await newsroom.post(by: bob)
            let closure = UUID.v7()
            let early = try await newsroom.close(ann, closure, "/posts", posts: [])
            #expect(early.status == 409)
            try await newsroom.closeFully(ann, closure, posts: [])
            let foreign = try await newsroom.close(ann, closure, "/posts", posts: [post.id])
            #expect(foreign.status == 404 && foreign.happened == [])
        }
    }

    @Test func `is for services only`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            for path in ["", "/account", "/posts"] {
                let reply = try await newsroom.call(
                    .post, "/internal/users/\(ann.id.lowercased)/closure\(path)", #"{"closure":"\#(UUID.v7().lowercased)"}"#, by: ann)
                #expect(reply.status == 404 && reply.happened == [])
            }
        }
    }

    @Test func `is refused at another version than the caller's`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let late = try await newsroom.close(ann, .v7(), "", version: 7)
            #expect(late.status == 412 && late.happened == [])
            let exact = try await newsroom.close(ann, .v7(), "", version: 1)
            #expect(exact.status == 200)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The last admin` {
    @Test func `can't be closed, and keeps everything`() async throws {
        try await Newsroom.open { newsroom in
            let root = try await newsroom.admin("root")
            let reply = try await newsroom.close(root, .v7(), "")
            #expect(reply.status == 409 && reply.happened == [])
            let alive = try await newsroom.call(.patch, "/api/v1/users/me", #"{"bio":"still here"}"#, by: root)
            #expect(alive.status == 200)
        }
    }

    @Test func `is whoever is left when another was closed, however close together they ask`() async throws {
        try await Newsroom.open { newsroom in
            let admins = [try await newsroom.admin("root"), try await newsroom.admin("toor")]
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for admin in admins {
                    group.addTask {
                        try await newsroom.send(
                            .post, "/internal/users/\(admin.id.lowercased)/closure", #"{"closure":"\#(UUID.v7().lowercased)"}"#,
                            headers: Newsroom.asService()
                        ).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [200, 409])
            let left = try FoldedStream<AdminRules>(try await newsroom.events(of: AdminRules.stream)).state
            #expect(left.count == 1)
        }
    }

    @Test func `is no hindrance to an admin who is not the last`() async throws {
        try await Newsroom.open { newsroom in
            let (root, toor) = (try await newsroom.admin("root"), try await newsroom.admin("toor"))
            let closure = UUID.v7()
            #expect(try await newsroom.closeFully(root, closure, posts: []) == ["AdminRemoved", "ClosureRequested", "UserClosed"])
            #expect(try FoldedStream<AdminRules>(try await newsroom.events(of: AdminRules.stream)).state == [toor.id])
        }
    }
}

extension Newsroom {
    /// One call of a closure, as the auth service and the relay make them.
    fileprivate func close(_ person: Person, _ closure: UUID, _ path: String, version: Int? = nil, posts: [UUID]? = nil) async throws -> Reply {
        var body: JSONObject = ["closure": .string(closure.lowercased)]
        if let version { body["version"] = .integer(Int64(version)) }
        if let posts { body["posts"] = .array(posts.map { .string($0.lowercased) }) }
        var headers = Self.asService(path.isEmpty ? .auth : .relay)
        headers[.requestID] = "0198a3c4-0000-7000-8000-000000000e15"
        return try await call(.post, "/internal/users/\(person.id.lowercased)/closure\(path)", JSONValue.object(body).serialized, headers: headers)
    }

    /// All its steps. Returns the types of what happened.
    @discardableResult
    fileprivate func closeFully(_ person: Person, _ closure: UUID, posts: [UUID]) async throws -> [String] {
        var happened: [String] = []
        for (path, posts) in [("", nil), ("/account", nil), ("/posts", posts)] {
            let reply = try await close(person, closure, path, posts: posts)
            #expect(reply.status == 200, "\(path): \(reply.text)")
            happened += reply.happened
        }
        return happened
    }

    /// Somebody who is an admin by the log, too.
    fileprivate func admin(_ name: String) async throws -> Person {
        let person = try await person(name, role: .admin)
        _ = try await Administration(store: log.store).handle(
            .changeRole(.admin), on: person.id, by: .server,
            in: .ofTheSystem())
        return person
    }
}
