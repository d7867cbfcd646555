import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A user whose data key is lost or damaged` {
    private static let losses = ["DELETE FROM vault.data_keys", "UPDATE vault.data_keys SET wrapped = overlay(wrapped PLACING '\\xffff' FROM 20)"]

    /// Ann, her published post, and a service that has her key neither in the vault nor in memory.
    private static func open(_ loss: String, _ body: @Sendable (Newsroom, Newsroom.Person, DraftedPost) async throws -> Void) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            _ = try await newsroom.person("bob")
            let post = try await newsroom.post(by: ann, publish: true)
            try await newsroom.log.runInVault(
                "ALTER TABLE vault.data_keys DISABLE TRIGGER ALL; \(loss) WHERE subject = '\(ann.id.lowercased)'")
            try await newsroom.log.another { try await body(newsroom.on($0.store), ann, post) }
        }
    }

    @Test(arguments: losses) func `can do what needs no text`(loss: String) async throws {
        try await Self.open(loss) { newsroom, ann, post in
            #expect(try await newsroom.call(.post, "\(post.path)/unpublish", by: ann).happened == ["PostUnpublished"])
            let deleted = try await newsroom.call(.delete, post.path, by: ann)
            #expect(deleted.status == 204 && deleted.happened == ["PostDeleted"])
        }
    }

    @Test(arguments: losses) func `is told in so many words that no text can be written`(loss: String) async throws {
        try await Self.open(loss) { newsroom, ann, post in
            for (method, path, body) in [
                (HTTPRequest.Method.patch, post.path, #"{"title":"New"}"#), (.patch, "/api/v1/users/me", #"{"bio":"b"}"#),
                (.post, "/api/v1/posts", #"{"title":"T","content":"c"}"#),
            ] {
                let reply = try await newsroom.call(method, path, body, by: ann)
                #expect(reply.status == 503 && reply.happened == [] && reply.text.contains("key"), "\(path): \(reply.text)")
            }
        }
    }

    @Test(arguments: losses) func `is as before once the key is restored, since nothing unopened is cached`(loss: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            _ = try await newsroom.person("bob")
            let post = try await newsroom.post(by: ann)
            try await newsroom.log.runInVault(
                """
                ALTER TABLE vault.data_keys DISABLE TRIGGER ALL;
                CREATE TABLE vault.kept AS SELECT * FROM vault.data_keys;
                \(loss) WHERE subject = '\(ann.id.lowercased)'
                """)
            try await newsroom.log.another { other in
                let newsroom = newsroom.on(other.store)
                #expect(try await newsroom.call(.patch, post.path, #"{"title":"New"}"#, by: ann).status == 503)
                try await other.runInVault("DELETE FROM vault.data_keys; INSERT INTO vault.data_keys SELECT * FROM vault.kept")
                let edited = try await newsroom.call(.patch, post.path, #"{"content":"New words"}"#, by: ann)
                #expect(edited.status == 200 && edited.data?["slug"]?.text == "a-title", "\(edited.text)")
            }
        }
    }
}
