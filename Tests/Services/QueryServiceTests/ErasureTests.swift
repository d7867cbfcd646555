import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import PublishingAPI
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `Whether an erasure is out of the read tables` {
    @Test func `is yes once the tables are there and scrubbed`() async throws {
        try await Newsroom.open { newsroom in
            try await newsroom.run("UPDATE annals.checkpoints SET position = 7, event_id = gen_random_uuid()")
            let early = try await newsroom.erasures(from: 5, through: 7)
            #expect(early.status == 503 && early.code == "READ_MODEL_BEHIND")
            try await newsroom.run("UPDATE annals.scrubbed SET position = 7")
            let done = try await newsroom.erasures(from: 5, through: 7)
            #expect(done.status == 200 && done.data?["position"]?.int == 7)
        }
    }

    @Test func `is no while one read model is behind`() async throws {
        try await Newsroom.open { newsroom in
            try await newsroom.run(
                """
                UPDATE annals.scrubbed SET position = 9;
                UPDATE annals.checkpoints SET position = 9, event_id = gen_random_uuid();
                UPDATE annals.checkpoints SET position = 6 WHERE model = 'users'
                """)
            #expect(try await newsroom.erasures(from: 5, through: 7).status == 503)
        }
    }

    @Test(arguments: ["failed", "waiting", "discarded"]) func `is no while it is parked`(state: String) async throws {
        try await Newsroom.open { newsroom in
            try await newsroom.run(
                """
                UPDATE annals.scrubbed SET position = 9;
                UPDATE annals.checkpoints SET position = 9, event_id = gen_random_uuid();
                INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state)
                SELECT build, 6, 'post-x', gen_random_uuid(), 'PostDeleted', '\(state)' FROM annals.checkpoints WHERE model = 'posts'
                """)
            #expect(try await newsroom.erasures(from: 5, through: 7).status == 503)
            #expect(try await newsroom.erasures(from: 7, through: 8).status == 200)
        }
    }

    @Test func `is told to services only`() async throws {
        try await Newsroom.open { newsroom in
            let reply = try await newsroom.get("/internal/erasures?from=1", as: .admin(), [.waitForPosition: "0"])
            #expect(reply.status == 404)
        }
    }
}

extension Newsroom {
    fileprivate func erasures(from first: Int, through last: Int) async throws -> Reply {
        try await get(
            "/internal/erasures?from=\(first)", as: nil,
            [.serviceToken: try Self.identities[.relay].token(to: .queries), .waitForPosition: "\(last)", .prefer: "wait=0"])
    }

    fileprivate func run(_ sql: String) async throws { try await owner.withSession { try await $0.execute(script: sql) } }
}
