import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `The move of a checkpoint` {
    @Test func `does not wait for the disk, and spares no other transaction that`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            let setting = Statement("setting", "SHOW synchronous_commit")
            let advance = Statement(
                "advance",
                """
                SELECT annals.advance_checkpoint(model, version, position, lease_token, position + 1, event_id)
                FROM annals.checkpoints WHERE model = 'posts'
                """)
            let meanwhile = try await database.pool.withTransaction { session in
                try await session.execute(script: "SET LOCAL synchronous_commit = on")
                try await session.query(advance)
                return try await session.query(setting)[0].get(0, as: String.self)
            }
            #expect(meanwhile == "off")
            let after = try await database.pool.withSession { session in
                try await session.execute(script: "SET synchronous_commit = on")
                try await session.query(advance)
                return try await session.query(setting)[0].get(0, as: String.self)
            }
            #expect(after == "on")
            let positions = try await database.rows("SELECT model, position FROM annals.checkpoints ORDER BY model")
            #expect(positions == ["(posts,3)", "(trending,1)", "(users,1)", "(view_counts,1)"])
        }
    }
}
