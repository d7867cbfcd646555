import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

/// A read model `model` with the views of one post in it, and no projector at work.
private func built(_ body: @escaping @Sendable (ReadDatabase, History) async throws -> Void) async throws {
    let history = History()
    try await history.tell(views: 1, of: .number(1))
    try await withReadDatabase { database in
        try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
            try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
        }
        try await body(database, history)
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Queries and a swap` {
    @Test func `are no reason against tables when they did not work before`() async throws {
        try await built { database, history in
            // One is written for the new tables, one for those of another model that is rebuilt later.
            let readers = [Statement("new", "SELECT total FROM model.t"), Statement("joined", "SELECT * FROM model.t JOIN other.u USING (id)")]
            _ = try await database.maintenance(history.store, readers: readers).rebuild(.viewSums("total"))
            #expect(try await database.rows("SELECT total FROM model.t") == ["(1)"])
        }
    }

    @Test func `stop tables that would give them another type`() async throws {
        let text = try ReadModel(
            name: "model",
            files: [
                "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, n text)",
                "PostViewed.sql":
                    "INSERT INTO t VALUES (:stream_id, :count::text) ON CONFLICT (id) DO UPDATE SET n = (t.n::bigint + :count)::text",
            ], catalog: .publishing)
        try await built { database, history in
            let readers = [Statement("sum", "SELECT id, n FROM model.t WHERE id = $1 LIMIT $2")]
            await #expect(
                throws: MaintenanceError.readerBroken(model: "model", statement: "sum", reason: "its column 2 would be text instead of bigint")
            ) {
                try await database.maintenance(history.store, readers: readers).rebuild(text)
            }
            #expect(try await database.schemas() == ["(model)"])
            // Nobody reads it: it may be text.
            _ = try await database.maintenance(history.store).rebuild(text)
        }
    }

    @Test func `must be allowed to read the new tables`() async throws {
        try await built { database, history in
            let readers = [Statement("sum", "SELECT n FROM model.t")]
            try await database.run("ALTER DEFAULT PRIVILEGES FOR ROLE annals_projector REVOKE SELECT ON TABLES FROM annals_queries")
            await #expect(throws: MaintenanceError.self) { try await database.maintenance(history.store, readers: readers).rebuild(.viewSums()) }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A swap that waits for an old transaction` {
    @Test func `holds nobody up meanwhile, and goes on when it has ended`() async throws {
        try await built { database, history in
            let log = SpokenLog()
            var target = database.target
            target.role = "annals_projector"
            let maintenance = Maintenance(target, store: history.store, catalog: .publishing, readers: [], logger: log.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await database.pool.withTransaction { reader in
                    _ = try await reader.query(Statement("old", "SELECT n FROM model.t"))
                    group.addTask { _ = try await maintenance.rebuild(.viewSums("total")) }
                    #expect(await log.line(with: "waiting for ") != nil)
                    // A projector and other queries would wait here, if the swap held the checkpoint or stood in the queue for the tables.
                    for _ in 1...50 {
                        try await database.run(
                            "BEGIN; SELECT FROM annals.checkpoints FOR UPDATE NOWAIT; LOCK TABLE model.t IN ACCESS SHARE MODE NOWAIT; COMMIT")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.rows("SELECT total FROM model.t") == ["(1)"])
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A read model whose folder is gone` {
    @Test func `is removed with all that belongs to it`() async throws {
        try await built { database, history in
            _ = try await database.maintenance(history.store).rebuild(.viewSums("total"))
            try await database.maintenance(history.store).dropOrphaned("model")
            #expect(try await database.schemas() == [])
            #expect(
                try await database.rows(
                    "SELECT model FROM annals.checkpoints UNION ALL SELECT model FROM annals.builds UNION ALL SELECT model FROM annals.read_model_versions"
                ) == [])
            await #expect(throws: MaintenanceError.unbuilt("model")) { try await database.maintenance(history.store).dropOrphaned("model") }
        }
    }

    @Test func `is not removed while queries work with it`() async throws {
        try await built { database, history in
            let maintenance = database.maintenance(history.store, readers: [Statement("sum", "SELECT n FROM model.t")])
            await #expect(throws: MaintenanceError.self) { try await maintenance.dropOrphaned("model") }
            let rows = try await database.rows("SELECT n FROM model.t")
            #expect(rows == ["(1)"])
        }
    }

    @Test func `is not removed while a projector keeps it current`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
                try await database.lengthenLeases()
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    await #expect(throws: MaintenanceError.attended("model")) { try await database.maintenance(history.store).dropOrphaned("model") }
                    try await history.tell(views: 1, of: .number(1))
                    try await projecting.caughtUp()
                }
            }
        }
    }
}
