import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

/// Tables rebuilt once, so that others are kept; Ann's email is in both.
private func keeping(
    _ files: [String: String] = [:], _ body: @escaping @Sendable (ReadDatabase, History, Projecting, TableScrubbing) async throws -> Void
) async throws {
    let first = [
        "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, email text)", "UserRegistered.sql": "INSERT INTO t VALUES (:stream_id, :email)",
        "UserClosed.sql": "UPDATE t SET email = NULL WHERE id = :stream_id",
    ].merging(files) { _, new in new }
    let second = first.merging([
        "indexes.sql": "CREATE INDEX t_email ON t (email)", "UserClosed.sql": "UPDATE t SET email = NULL WHERE id = :stream_id",
    ]) {
        _, new in new
    }
    let history = History()
    for user in [1, 2] as [UInt64] {
        try await history.tell(.registered(username: .known("u"), email: .known("u\(user)@b.de"), role: .user), of: .number(user))
    }
    try await withReadDatabase { database in
        try await withProjections(["model": first]) { folder in
            try await project(history.store, into: database, folder: folder) { projecting in
                try await projecting.caughtUp()
                let maintenance = database.maintenance(history.store)
                _ = try await maintenance.rebuild(ReadModel(name: "model", files: second, catalog: .publishing))
                try await projecting.caughtUp()
                try await body(database, history, projecting, TableScrubbing(maintenance, pool: database.pool, logger: .silent))
            }
        }
    }
}

extension ReadDatabase {
    /// The schema of the tables kept from before; nil when none are.
    fileprivate func kept() async throws -> String? {
        try await lines("SELECT schema_name FROM annals.builds WHERE purpose = 'previous'").first
    }

    fileprivate func scrubbed() async throws -> [String] { try await lines("SELECT position::text FROM annals.scrubbed") }
}

@Suite(.timeLimit(.minutes(15))) struct `Somebody who was erased` {
    @Test func `is taken out of tables kept from before, which stay good for a rollback`() async throws {
        try await keeping { database, history, projecting, scrubbing in
            let kept = try #require(try await database.kept())
            #expect(try await database.lines("SELECT email FROM \(kept).t ORDER BY id") == ["u1@b.de", "u2@b.de"])
            try await history.tell(.closed, of: .number(1))
            try await scrubbing.scrub(through: 3)
            #expect(try await database.kept() == kept)
            #expect(try await database.lines("SELECT coalesce(email, '-') FROM \(kept).t ORDER BY id") == ["-", "u2@b.de"])
            #expect(try await database.scrubbed() == ["3"])
            _ = try await database.maintenance(history.store).rollBack("model")
            #expect(try await database.lines("SELECT coalesce(email, '-') FROM model.t ORDER BY id") == ["-", "u2@b.de"])
        }
    }

    @Test func `is taken out of them by whoever follows the log, without being asked`() async throws {
        try await keeping { database, history, projecting, scrubbing in
            let kept = try #require(try await database.kept())
            try await racing {
                try await history.tell(.closed, of: .number(1))
                try await eventually { try await database.scrubbed() == ["3"] }
                #expect(try await database.lines("SELECT coalesce(email, '-') FROM \(kept).t ORDER BY id") == ["-", "u2@b.de"])
            } against: {
                try await scrubbing.run()
            }
        }
    }

    @Test func `takes along tables that can't follow the log any more`() async throws {
        try await keeping { database, history, projecting, scrubbing in
            try await history.tell(.closed, of: .number(1))
            try await projecting.caughtUp()
            try await database.run("UPDATE annals.builds SET event_id = '\(UUID.v7())'")
            try await scrubbing.scrub(through: 3)
            #expect(try await database.kept() == nil)
            #expect(try await database.schemas() == ["(model)"])
        }
    }

    @Test func `takes along tables that could not take the erasure`() async throws {
        // In the kept tables the closure violates a constraint; in the live ones it does not.
        try await keeping(["UserClosed.sql": "UPDATE t SET id = NULL WHERE id = :stream_id"]) { database, history, projecting, scrubbing in
            try await history.tell(.closed, of: .number(1))
            try await scrubbing.scrub(through: 3)
            #expect(try await database.kept() == nil)
            #expect(try await database.lines("SELECT coalesce(email, '-') FROM model.t ORDER BY id") == ["-", "u2@b.de"])
        }
    }

    @Test func `waits for a rebuild where what is live was stored without a statement for the erasure`() async throws {
        try await keeping { database, history, projecting, scrubbing in
            try await database.run("UPDATE annals.read_model_versions SET sql = sql - 'UserClosed.sql'")
            try await history.tell(.closed, of: .number(1))
            let error = await #expect(throws: ReadModelError.self) { try await scrubbing.scrub(through: 3) }
            #expect(error.map { "\($0)" }?.contains("there is no UserClosed.sql") == true)
            #expect(try await database.scrubbed() == ["0"])
        }
    }

    @Test(arguments: ["sql - 'UserClosed.sql'", "sql || '{\"PostPinned.sql\": \"DELETE FROM t\"}'"])
    func `takes along tables whose stored SQL has no statement for the erasure, or can't be used`(sql: String) async throws {
        try await keeping { database, history, projecting, scrubbing in
            try await database.run(
                "UPDATE annals.read_model_versions SET sql = \(sql) WHERE version NOT IN (SELECT version FROM annals.checkpoints)")
            try await history.tell(.closed, of: .number(1))
            try await scrubbing.scrub(through: 3)
            #expect(try await database.kept() == nil)
            #expect(try await database.scrubbed() == ["3"])
        }
    }

    @Test func `need not be waited for by who drops tables that can't be used`() async throws {
        try await keeping { database, history, projecting, scrubbing in
            try await database.run("UPDATE annals.read_model_versions SET sql = sql || '{\"PostPinned.sql\": \"DELETE FROM t\"}'")
            try await database.maintenance(history.store).dropPrevious(of: "model")
            #expect(try await database.kept() == nil)
        }
    }

    @Test func `waits for a read model whose folder is gone, and says so`() async throws {
        try await keeping { database, history, projecting, _ in
            try await database.run(
                """
                INSERT INTO annals.read_model_versions VALUES ('gone', 'v', '{}');
                INSERT INTO annals.checkpoints (model, version, folder_version) VALUES ('gone', 'v', 'v')
                """)
            try await history.tell(.closed, of: .number(1))
            let log = SpokenLog()
            let scrubbing = TableScrubbing(database.maintenance(history.store), pool: database.pool, patience: .zero, logger: log.logger)
            try await racing {
                while let line = await log.line(with: "erasures wait for read models") {
                    if line.contains("gone (unattended at 0)") { break }
                }
                #expect(try await database.scrubbed() == ["0"])
                try await database.run("DELETE FROM annals.checkpoints WHERE model = 'gone'")
                try await eventually { try await database.scrubbed() == ["3"] }
            } against: {
                try await scrubbing.scrub(through: 3)
            }
        }
    }

    @Test func `is not in the server's statistics either`() async throws {
        try await keeping { database, history, projecting, scrubbing in
            try await database.run("ANALYZE model.t")
            let statistics =
                "SELECT coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, '') FROM pg_stats WHERE schemaname = 'model'"
            #expect(try await database.lines(statistics).joined().contains("u1@b.de"))
            try await history.tell(.closed, of: .number(1))
            try await scrubbing.scrub(through: 3)
            #expect(try await !database.lines(statistics).joined().contains("u1@b.de"))
        }
    }

    @Test func `is out of a post's rows although the post's stream is parked`() async throws {
        let folder = [
            "model": [
                "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, title text CONSTRAINT short CHECK (length(title) < 9))",
                "PostDrafted.sql": "INSERT INTO t VALUES (:stream_id, :title)",
                "PostEdited.sql": "UPDATE t SET title = :title WHERE id = :stream_id",
                "PostDeleted.sql": "DELETE FROM t WHERE id = :stream_id",
            ]
        ]
        let history = History()
        let post = UUID.number(1)
        try await history.tell(.drafted(author: .number(2), title: .known("short"), slug: .known("s"), content: .known("c")), of: post)
        try await history.tell(.edited(title: .known("far too long"), slug: nil, content: nil), of: post)
        try await withReadDatabase { database in
            try await withProjections(folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await eventually { projecting.group.statuses.map(\.parkedStreams) == [1] }
                    try await history.tell(.deleted, of: post)
                    try await projecting.caughtUp()
                    try await eventually { projecting.group.statuses.map(\.parkedStreams) == [0] }
                }
            }
            #expect(try await database.rows("SELECT * FROM model.t") == [])
        }
    }
}
