import AccessTokens
import Audit
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The audit's calls` {
    /// A post with two events and, after a checkpoint over all so far, a third.
    private static func open(_ body: @Sendable (Newsroom, DraftedPost, SignedCheckpoint) async throws -> Void) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            _ = try await newsroom.call(.patch, post.path, #"{"title":"Second"}"#, by: ann)
            let path = FileManager.default.temporaryDirectory.path + "/annals-audit-\(UUID().lowercased)"
            let keyFile = AuditKeyFile(path)
            defer { for suffix in ["", ".checkpoint", ".checkpoint.lock"] { try? FileManager.default.removeItem(atPath: path + suffix) } }
            let signer = try keyFile.open(origin: "example.org/log")
            let head = try await newsroom.log.store.head()
            let checkpoint = try await newsroom.log.withPool(as: "annals_projector") { pool in
                let follower = MerkleFollower(
                    pool, wokenBy: newsroom.log.store, signer: signer, file: keyFile.lastCheckpoint, logger: TestCluster.logger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await follower.run() }
                    try await eventually {
                        try follower.confirmRunning()
                        return try await MerkleLog(pool).coveredPosition() >= head
                    }
                    group.cancelAll()
                    while await group.nextResult() != nil {}
                }
                await follower.release()
                return try await MerkleLog(pool).checkpoint()
            }
            _ = try await newsroom.call(.patch, post.path, #"{"title":"Third"}"#, by: ann)
            try await newsroom.log.withPool(as: "annals_commands") { pool in
                try await body(newsroom.audited(by: MerkleLog(pool)), post, try #require(checkpoint))
            }
        }
    }

    @Test func `say of each entry of a post's history whether a checkpoint covers it`() async throws {
        try await Self.open { newsroom, post, _ in
            let admin = try await newsroom.person("root", role: .admin)
            let entries = try await newsroom.send(.get, "\(post.path)/history", by: admin).data?.elements
            #expect(entries?.map { $0["covered"] } == [.bool(true), .bool(true), .bool(false)])
        }
    }

    @Test func `give the checkpoint and its tiles to everybody`() async throws {
        try await Self.open { newsroom, _, checkpoint in
            let size = checkpoint.checkpoint.size
            let note = try await newsroom.bytes("/api/v1/audit/checkpoint")
            #expect(note.status == 200 && note.type == "text/plain; charset=utf-8" && note.cache == "no-cache")
            #expect(String(decoding: note.body, as: UTF8.self) == checkpoint.note.description)
            let leaves = try await newsroom.bytes("/api/v1/audit/tile/0/000.p/\(size)")
            #expect(leaves.status == 200 && leaves.body.count == Int(size) * 32 && leaves.cache?.contains("immutable") == true)
            let entries = try await newsroom.bytes("/api/v1/audit/tile/entries/000.p/\(size)")
            #expect(entries.body.count == Int(size) * 34)
            let hashes = try (0..<Int(size)).map { try #require(MerkleHash(entries.body[$0 * 34 + 2..<$0 * 34 + 34])) }
            #expect(hashes.flatMap { MerkleHash.leaf($0).bytes } == leaves.body)
            for path in [
                "0/000", "0/000.p/\(size + 1)", "0/001", "1/000.p/1", "entries/000", "0/0", "x", "entries/000.p/\(size + 1)",
                "0/x999/x999/x999/x999/x999/999",
            ] {
                let missing = try await newsroom.bytes("/api/v1/audit/tile/\(path)")
                // It may be there in a moment: nobody keeps the answer.
                #expect(missing.status == 404 && missing.cache == "no-store", "\(path)")
            }
        }
    }

    @Test func `refuse parameters that they do not have`() async throws {
        try await Self.open { newsroom, _, _ in
            let admin = try await newsroom.person("root", role: .admin)
            for path in ["checkpoint", "tile/0/000.p/1", "events/1/proof"] {
                let reply = try await newsroom.send(.get, "/api/v1/audit/\(path)?size=1", by: admin)
                #expect(reply.status == 422 && reply.fields == ["size"], "\(path)")
            }
        }
    }

    @Test func `survive a checkpoint of nothing in the tables`() async throws {
        try await Self.open { newsroom, _, _ in
            let admin = try await newsroom.person("root", role: .admin)
            let empty = try NoteSigner(name: "example.org/log").sign("\(Checkpoint(origin: "example.org/log", size: 0, root: .ofNothing))")
            try await newsroom.log.run(
                """
                ALTER TABLE log.merkle_checkpoints DISABLE TRIGGER ALL;
                DELETE FROM log.merkle_checkpoints;
                INSERT INTO log.merkle_checkpoints (size, note) VALUES (0, '\(empty)');
                """)
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/1/proof", by: admin).status == 404)
        }
    }

    @Test func `prove an event to an admin`() async throws {
        try await Self.open { newsroom, _, checkpoint in
            let (admin, ben) = (try await newsroom.person("root", role: .admin), try await newsroom.person("ben"))
            let size = checkpoint.checkpoint.size
            let entries = try await newsroom.bytes("/api/v1/audit/tile/entries/000.p/\(size)").body
            for position in 1...size {
                let data = try #require(try await newsroom.send(.get, "/api/v1/audit/events/\(position)/proof", by: admin).data)
                #expect(data["leafIndex"] == .integer(position - 1) && data["position"] == .integer(position))
                #expect(data["checkpoint"]?.text == checkpoint.note.description)
                let hashes = try (data["proof"]?.elements ?? []).map { try #require(Data(base64Encoded: $0.text ?? "").flatMap { MerkleHash($0) }) }
                let start = Int(position - 1) * 34 + 2
                let entry = try #require(MerkleHash(entries[start..<start + 32]))
                #expect(
                    InclusionProof(hashes).proves(leaf: .leaf(entry), at: position - 1, size: size, root: checkpoint.checkpoint.root))
            }
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/\(size + 1)/proof", by: admin).status == 404)
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/0/proof", by: admin).status == 404)
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/x/proof", by: admin).status == 400)
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/1/proof", by: ben).status == 403)
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/1/proof").status == 401)
        }
    }

    @Test func `prove nothing of an event that was changed`() async throws {
        try await Self.open { newsroom, _, _ in
            let admin = try await newsroom.person("root", role: .admin)
            try await newsroom.log.run("ALTER TABLE log.events DISABLE TRIGGER ALL; UPDATE log.events SET metadata = '{}' WHERE position = 2")
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/1/proof", by: admin).status == 200)
            #expect(try await newsroom.send(.get, "/api/v1/audit/events/2/proof", by: admin).status == 500)
        }
    }

    @Test func `answer what was planted in the tables`() async throws {
        try await Newsroom.open { newsroom in
            let note = try NoteSigner(name: "example.org/log").sign("\(Checkpoint(origin: "example.org/log", size: 0, root: .ofNothing))")
            try await newsroom.log.run(
                """
                INSERT INTO log.merkle_checkpoints (size, note) VALUES (0, '\(note)');
                INSERT INTO log.merkle_tiles VALUES (0, 999999999999999999, sha256(''));
                """)
            let admin = try await newsroom.person("root", role: .admin)
            try await newsroom.log.withPool(as: "annals_commands") { pool in
                let audited = newsroom.audited(by: MerkleLog(pool))
                let proof = try await audited.send(.get, "/api/v1/audit/events/1/proof", by: admin).status
                let tile = try await audited.bytes("/api/v1/audit/tile/0/x999/x999/x999/x999/x999/999.p/1").status
                #expect(proof == 404 && tile == 404)
            }
        }
    }
}

extension Newsroom {
    /// An answer that is no JSON.
    fileprivate func bytes(_ path: String) async throws -> (status: Int, type: String?, cache: String?, body: [UInt8]) {
        let head = HTTPRequest(method: .get, scheme: "http", authority: "test", path: path)
        let response = try await service.respond(
            to: Request(head: head, body: RequestBody(buffer: ByteBuffer())),
            context: CallContext(logger: TestCluster.logger, requestID: "", traceparent: ""))
        let body = try await response.body.collect(upTo: 1 << 20)
        return (response.status.code, response.headers[.contentType], response.headers[.cacheControl], Array(body.readableBytesView))
    }
}

extension JSONValue {
    fileprivate var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }
}
