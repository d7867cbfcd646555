import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Publishing
import Testing
import Vault

/// A command on a post that is there.
struct PostCall: Sendable, CustomTestStringConvertible {
    let method: HTTPRequest.Method
    let suffix: String
    let body: String?

    var testDescription: String { "\(method.rawValue) /posts/{id}\(suffix)" }

    static let all = [
        PostCall(method: .patch, suffix: "", body: #"{"title":"Another"}"#), PostCall(method: .post, suffix: "/publish", body: nil),
        PostCall(method: .post, suffix: "/unpublish", body: nil), PostCall(method: .delete, suffix: "", body: nil),
    ]
}

@Suite(.timeLimit(.minutes(5))) struct `Who may change a post` {
    @Test(arguments: PostCall.all) func `not another user`(call: PostCall) async throws {
        try await Newsroom.open { newsroom in
            let post = try await newsroom.post(by: try await newsroom.person("ann"), publish: true)
            let reply = try await newsroom.call(call.method, post.path + call.suffix, call.body, by: try await newsroom.person("bob"))
            #expect(reply.status == 403 && reply.code == "FORBIDDEN")
            #expect(!reply.happened.contains { $0.hasPrefix("Post") })
        }
    }

    @Test(arguments: PostCall.all) func `an admin`(call: PostCall) async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("root", role: .admin)
            let post = try await newsroom.post(by: try await newsroom.person("ann"), publish: call.suffix != "/publish")
            let reply = try await newsroom.call(call.method, post.path + call.suffix, call.body, by: admin)
            #expect(200...204 ~= reply.status)
            #expect(reply.events.map(\.metadata.actor) == [admin.id])
        }
    }

    @Test(arguments: PostCall.all) func `nobody who is not signed in`(call: PostCall) async throws {
        try await Newsroom.open { newsroom in
            let post = try await newsroom.post(by: try await newsroom.person("ann"))
            let reply = try await newsroom.call(call.method, post.path + call.suffix, call.body)
            #expect(reply.status == 401 && reply.code == "UNAUTHENTICATED")
            #expect(reply.headers[.wwwAuthenticate] == "Bearer")
            #expect(reply.happened == [])
        }
    }

    @Test(arguments: PostCall.all) func `nobody where there is no post`(call: PostCall) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            #expect(try await newsroom.call(call.method, "/api/v1/posts/\(UUID.v7().lowercased)\(call.suffix)", call.body, by: ann).status == 404)
            let malformed = try await newsroom.call(call.method, "/api/v1/posts/no-id\(call.suffix)", call.body, by: ann)
            #expect(malformed.status == 400 && malformed.code == "MALFORMED_REQUEST")
            // A fault in the body comes after that.
            #expect(try await newsroom.call(call.method, "/api/v1/posts/no-id\(call.suffix)", #"{"no":1}"#, by: ann).code == "MALFORMED_REQUEST")
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `What a stranger learns of a post by trying to change it` {
    private static let tags = [nil, "\"1\"", "\"2\"", "\"3\"", "W/\"2\"", "\"abc\""]

    @Test(arguments: PostCall.all) func `nothing where it is a draft or deleted`(call: PostCall) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let bob = try await newsroom.person("bob")
            let deleted = try await newsroom.post(by: ann, publish: true)
            _ = try await newsroom.call(.delete, deleted.path, by: ann)
            let nothing = "/api/v1/posts/\(UUID.v7().lowercased)"
            for path in [try await newsroom.post(by: ann).path, deleted.path, nothing] {
                for tag in Self.tags {
                    let reply = try await newsroom.call(
                        call.method, path + call.suffix, call.body, by: bob, headers: tag.map(HTTPFields.ifMatch) ?? [:])
                    #expect(reply.status == 404 && reply.code == "NOT_FOUND", "\(path) \(tag ?? "")")
                    #expect(reply.body["detail"]?.text == "There is no such thing here." && reply.headers[.eTag] == nil)
                }
            }
        }
    }

    @Test(arguments: PostCall.all) func `not the version of a published one`(call: PostCall) async throws {
        try await Newsroom.open { newsroom in
            let bob = try await newsroom.person("bob")
            let post = try await newsroom.post(by: try await newsroom.person("ann"), publish: true)
            for tag in Self.tags {
                let reply = try await newsroom.call(
                    call.method, post.path + call.suffix, call.body, by: bob, headers: tag.map(HTTPFields.ifMatch) ?? [:])
                #expect(reply.status == 403, "\(tag ?? "")")
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A token whose account is not active` {
    @Test(arguments: PostCall.all) func `changes no post`(call: PostCall) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, publish: call.suffix != "/publish")
            try await newsroom.order(.deactivate, for: ann)
            let refused = try await newsroom.call(call.method, post.path + call.suffix, call.body, by: ann)
            #expect(refused.status == 401 && refused.code == "UNAUTHENTICATED" && refused.happened == [])

            try await newsroom.order(.reactivate, for: ann)
            let taken = try await newsroom.call(call.method, post.path + call.suffix, call.body, by: ann)
            #expect(200...204 ~= taken.status)
        }
    }

    @Test func `writes none and changes no profile`() async throws {
        try await Newsroom.open { newsroom in
            let (ann, bob) = (try await newsroom.person("ann"), try await newsroom.person("bob"))
            try await newsroom.order(.deactivate, for: ann)
            try await newsroom.order(.close, for: bob)
            for person in [ann, bob] {
                for (method, path, body) in [
                    (HTTPRequest.Method.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#), (.patch, "/api/v1/users/me", #"{"bio":"B"}"#),
                ] {
                    let reply = try await newsroom.call(method, path, body, by: person)
                    #expect(reply.status == 401 && reply.code == "UNAUTHENTICATED")
                    #expect(reply.happened == [])
                }
            }
        }
    }

    @Test func `writes nothing for an account that never was`() async throws {
        try await Newsroom.open { newsroom in
            let reply = try await newsroom.call(.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: try newsroom.stranger())
            #expect(reply.status == 401 && reply.code == "UNAUTHENTICATED" && reply.happened == [])
        }
    }

    @Test func `is one for another service, too`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let elsewhere = Newsroom.Person(id: ann.id, token: try Newsroom.token(for: ann.id, audience: "queries"))
            #expect(try await newsroom.call(.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: elsewhere).status == 401)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A post whose author was erased` {
    @Test func `takes no new text, and an admin learns why`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let admin = try await newsroom.person("root", role: .admin)
            let post = try await newsroom.post(by: ann, publish: true)
            try await newsroom.erase(ann)
            let edit = try await newsroom.call(.patch, post.path, #"{"title":"Another"}"#, by: admin)
            #expect(edit.status == 409 && edit.code == "CONFLICT" && edit.happened == [])
            #expect(try await newsroom.call(.post, "\(post.path)/unpublish", by: admin).happened == ["PostUnpublished"])
            #expect(try await newsroom.call(.delete, post.path, by: admin).status == 204)
        }
    }

    @Test func `shows null where its text was`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let admin = try await newsroom.person("root", role: .admin)
            let post = try await newsroom.post(by: ann, publish: true)
            try await newsroom.erase(ann)
            let data = try await newsroom.send(.get, "\(post.path)?version=1", by: admin).data
            #expect(data?["title"] == .null && data?["slug"] == .null && data?["content"] == .null)
            #expect(data?["author"]?["id"] == .string(ann.id.lowercased) && data?["author"]?["username"] == .null)
        }
    }
}

extension Newsroom {
    /// Closes an account and destroys its key, as the auth service does.
    fileprivate func erase(_ person: Person) async throws {
        try await order(.close, for: person)
        try await log.runInVault("UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = '\(person.id.lowercased)'")
        log.vault.noteDestruction(of: person.id)
    }
}
