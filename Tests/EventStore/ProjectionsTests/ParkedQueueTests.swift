import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Postgres
import Publishing
import Synchronization
import TestSupport
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `A long queue of parked events` {
    private func operating(_ store: any EventStore, _ database: ReadDatabase) -> ParkedEvents {
        var target = database.target
        target.role = "annals_projector"
        return ParkedEvents(target, store: store, catalog: .publishing, logger: .silent)
    }

    @Test func `is applied in portions, and the log is read while the model may go on`() async throws {
        let history = History()
        for _ in 1...1300 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
            }
            try await database.run(PickyModel.mending)
            let seen = Mutex<[String]>([])
            let log = ObservedLog(history.store) {
                // Nothing comes back while a transaction holds the checkpoint.
                #expect(try await database.lines("SELECT model FROM annals.checkpoints FOR UPDATE SKIP LOCKED") == ["model"])
                let rows = try await database.rows("SELECT n FROM model.t")
                seen.withLock { if $0.last != rows[0] { $0 += rows } }
            }
            let outcomes = try await operating(log, database).retry("model")
            #expect(outcomes.map(\.applied) == [1295])
            #expect(seen.withLock { $0 } == ["(5)", "(505)", "(1005)"])
            #expect(try await database.rows("SELECT n FROM model.t") == ["(1300)"])
            #expect(try await ParkedEvents.list(in: database.pool) == [])
        }
    }

    @Test func `keeps its order while events of its stream go on coming`() async throws {
        let history = History()
        for _ in 1...1300 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await database.run(PickyModel.mending)
                    let log = ObservedLog(history.store) {
                        try await history.tell(views: 1, of: .number(1))
                        try await projecting.caughtUp()
                    }
                    _ = try await operating(log, database).retry("model")
                    try await history.tell(views: 1, of: .number(1))
                    try await projecting.caughtUp()
                    let head = try await history.store.head()
                    #expect(try await database.rows("SELECT n FROM model.t") == ["(\(head))"])
                    #expect(try await ParkedEvents.list(in: database.pool) == [])
                }
            }
        }
    }

    @Test func `that can not take another event holds the model up, and is not cut in halves for ever`() async throws {
        let history = History()
        for _ in 1...6 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                let log = SpokenLog()
                try await project(history.store, into: database, folder: folder, logger: log.logger) { projecting in
                    try await projecting.caughtUp()
                    try await database.run(
                        """
                        INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state)
                        SELECT build, 7, 'views-x', '\(UUID.number(2).lowercased)', 'PostViewed', 'waiting' FROM annals.checkpoints
                        """)
                    try await history.tell(views: 1, of: .number(1))
                    #expect(await log.line(with: "the read database refuses") != nil)
                    try await eventually { projecting.group.statuses.map(\.state) == [.failed(position: 7)] }
                }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A post that is deleted` {
    private let folder = [
        "model": [
            "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, title text CONSTRAINT short CHECK (length(title) < 9))",
            "PostDrafted.sql": "INSERT INTO t VALUES (:stream_id, :title)",
            "PostEdited.sql": "UPDATE t SET title = :title WHERE id = :stream_id",
            "PostDeleted.sql": "DELETE FROM t WHERE id = :stream_id",
        ]
    ]

    @Test(arguments: [true, false]) func `is taken away although its stream is parked`(inOneBatch: Bool) async throws {
        let history = History()
        for post in UInt64(1)...2 {
            try await history.tell(.drafted(author: .number(9), title: .known("t"), slug: .known("t"), content: .known("c")), of: .number(post))
        }
        try await history.tell(.edited(title: .known("far too long"), slug: nil, content: nil), of: .number(1))
        try await withReadDatabase { database in
            try await withProjections(folder) { folder in
                if !inOneBatch { try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() } }
                try await history.tell(.edited(title: .known("short"), slug: nil, content: nil), .deleted, of: .number(1))
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
            }
            #expect(try await database.rows("SELECT right(id::text, 1), title FROM model.t") == ["(2,t)"])
            #expect(try await database.rows("SELECT position, state FROM annals.parked_events ORDER BY 1") == ["(3,discarded)", "(4,discarded)"])
        }
    }
}
