import EventSourcing
import FoundationEssentials
import Publishing
import TestSupport
import Testing

@testable import Projections

private let folder = [
    "model": [
        "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, n bigint)",
        "PostViewed.sql": "INSERT INTO t VALUES (:stream_id, :count) ON CONFLICT (id) DO UPDATE SET n = t.n + :count",
    ]
]
private let state = "SELECT position, n FROM annals.checkpoints, model.t"

/// Does what a crash of the server does to commits that did not wait for the disk: rows and checkpoint are as they were before the last event.
private func loseLastEvent(of history: History, in database: ReadDatabase) async throws {
    let events = try await history.events()
    let before = events[events.count - 2]
    try await database.run(
        """
        BEGIN;
        UPDATE annals.checkpoints SET position = \(before.position), event_id = '\(before.id.lowercased)';
        UPDATE model.t SET n = \(before.position);
        COMMIT
        """)
}

extension ReadDatabase {
    /// Returns once the query's rows are these.
    fileprivate func become(_ rows: [String], _ sql: String) async throws {
        try await eventually { try await self.rows(sql) == rows }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Commits that a crash has taken back` {
    @Test func `are made again by an idle projector, without a new event`() async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    for _ in 1...2 {
                        try await loseLastEvent(of: history, in: database)
                        try await database.become(["(3,3)"], state)
                    }
                    try await history.tell(views: 1, of: .number(1))
                    try await projecting.caughtUp()
                    #expect(try await database.rows(state) == ["(4,4)"])
                }
            }
        }
    }

    @Test func `are noticed with the whole read model`() async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await database.run("DROP SCHEMA model CASCADE; DELETE FROM annals.checkpoints")
                    try await database.become(["(model)"], "SELECT nspname FROM pg_namespace WHERE nspname = 'model'")
                    try await database.become(["(3,3)"], state)
                }
            }
        }
    }
}
