import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

/// A model in which a post's views change the row that its draft made. `trace` tells the order of edits and views.
private let folder = [
    "model": [
        "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, author uuid, views bigint NOT NULL DEFAULT 0, trace bigint NOT NULL DEFAULT 0)",
        "PostDrafted.sql": "INSERT INTO t (id, author) VALUES (:stream_id, :author)",
        "PostEdited.sql": "UPDATE t SET trace = (trace * 31 + views) % 1000003 WHERE id = :stream_id",
        "PostViewed.sql": "UPDATE t SET views = views + :count WHERE id = :stream_id",
        "PostDeleted.sql": "DELETE FROM t WHERE id = :stream_id",
    ]
]

@Suite(.timeLimit(.minutes(15))) struct `A post whose draft could not be applied` {
    private let history = History()
    private let post = UUID.number(1)

    /// Projectors at work on tables that refuse this post's draft until they are mended.
    private func refusing(_ body: @escaping @Sendable (ReadDatabase, Projecting) async throws -> Void) async throws {
        try await withReadDatabase { [history, post] database in
            try await withProjections(folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await database.run("ALTER TABLE model.t ADD CONSTRAINT known CHECK (author <> '\(UUID.number(9).lowercased)')")
                    for (id, author) in [(post, 9), (UUID.number(2), 8)] as [(UUID, UInt64)] {
                        try await history.tell(.drafted(author: .number(author), title: .known("t"), slug: .known("t"), content: .known("c")), of: id)
                    }
                    try await body(database, projecting)
                }
            }
        }
    }

    private func mend(_ database: ReadDatabase) async throws -> [ParkedStreamRetry.Outcome] {
        try await database.run("ALTER TABLE model.t DROP CONSTRAINT known")
        var target = database.target
        target.role = "annals_projector"
        let parked = ParkedEvents(target, store: history.store, catalog: .publishing, logger: .silent)
        return try await parked.retry("model", stream: StreamName("views", post))
    }

    @Test func `has its views wait for it, and is a fold of the log again once both are applied`() async throws {
        try await refusing { [history, post] database, projecting in
            for id in [post, .number(2), post, post] { try await history.tell(views: 1, of: id) }
            try await projecting.caughtUp()
            try await eventually { projecting.group.statuses.map(\.parkedStreams) == [1] }
            #expect(try await ReadModelStatus.readAll(from: database.pool).map(\.parkedStreams) == [1])
            let parked = try await ParkedEvents.list(in: database.pool)
            #expect(parked.map(\.position) == [1, 3, 5, 6])
            #expect(parked.map(\.state) == [.failed, .waiting, .waiting, .waiting])
            let outcomes = try await mend(database)
            #expect(outcomes.map(\.stream) == [StreamName("post", post)])
            #expect(outcomes.map(\.applied) == [4])
            try await history.tell(views: 1, of: post)
            try await projecting.caughtUp()
            #expect(try await database.rows("SELECT right(id::text, 1), views FROM model.t ORDER BY id") == ["(1,4)", "(2,1)"])
            let report = try await database.maintenance(history.store).verify("model")
            #expect(report.isEqual)
        }
    }

    @Test func `is applied with its views in the order of the log, however many portions that takes`() async throws {
        try await refusing { [history, post] database, projecting in
            for number in 1...700 {
                try await history.tell(views: 1, of: post)
                // Many of one stream, then many of the other.
                for _ in 0..<(number.isMultiple(of: 350) ? 350 : 0) {
                    try await history.tell(.edited(title: nil, slug: nil, content: nil), of: post)
                    if number == 700 { try await history.tell(views: 1, of: post) }
                }
            }
            try await projecting.caughtUp()
            let outcomes = try await mend(database)
            #expect(outcomes.map(\.failure) == [nil])
            let report = try await database.maintenance(history.store).verify("model")
            #expect(report.isEqual)
        }
    }

    @Test func `leaves nothing waiting when it is deleted`() async throws {
        try await refusing { [history, post] database, projecting in
            try await history.tell(views: 1, of: post)
            try await projecting.caughtUp()
            try await history.tell(.deleted, of: post)
            try await history.tell(views: 1, of: post)
            try await projecting.caughtUp()
            try await eventually { projecting.group.statuses.map(\.parkedStreams) == [0] }
            #expect(try await ParkedEvents.list(in: database.pool).map(\.state) == [.discarded, .discarded])
        }
    }
}
