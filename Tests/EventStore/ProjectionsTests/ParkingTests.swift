import CoreMetrics
import EventSourcing
import FoundationEssentials
import JSON
import Logging
import MetricsTestKit
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

private let parked = "SELECT position, state, sqlstate, violated FROM annals.parked_events ORDER BY position"
private let counts = "SELECT right(id::text, 2), n FROM model.t ORDER BY id"

/// Projectors of the picky model at work on a history.
private func parking<T: Sendable>(
    _ history: History, in database: ReadDatabase, folder: [String: [String: String]] = PickyModel.folder, logger: Logger = .silent,
    metrics: TestMetrics = TestMetrics(), _ body: @escaping @Sendable (Projecting) async throws -> T
) async throws -> T {
    try await withProjections(folder) { folder in
        try await project(history.store, into: database, folder: folder, metrics: metrics, logger: logger, body)
    }
}

private func operating(_ history: History, _ database: ReadDatabase) -> ParkedEvents {
    ParkedEvents(database.target.acting(as: "annals_projector"), store: history.store, catalog: .publishing, logger: .silent)
}

extension ConnectionTarget {
    fileprivate func acting(as role: String) -> ConnectionTarget {
        var target = self
        target.role = role
        return target
    }
}

extension RecordedEvent {
    /// This event as a store gives it that could not open these fields.
    fileprivate func unopened(_ fields: Set<String>, _ reason: UnopenedReason) -> RecordedEvent {
        var data = data
        for field in fields { data[field] = .null }
        return RecordedEvent(
            position: position, stream: stream, version: version, id: id, type: type, schemaVersion: schemaVersion, data: data, metadata: metadata,
            recordedAt: recordedAt, unopened: Unopened(fields: fields, reason: reason))
    }
}

@Suite(.timeLimit(.minutes(15))) struct `An event at fault` {
    @Test func `parks its stream in order, while all others go on`() async throws {
        let history = History()
        for _ in 1...8 { for post in UInt64(1)...3 { try await history.tell(views: post == 2 ? 1 : 0, of: .number(post)) } }
        try await withReadDatabase { database in
            try await parking(history, in: database) { projecting in
                try await projecting.caughtUp()
                try await eventually { projecting.group.statuses.map(\.parkedStreams) == [1] }
            }
            // The sixth view of post 2 is at position 17.
            #expect(try await database.rows(parked) == ["(17,failed,23514,few_views)", "(20,waiting,,)", "(23,waiting,,)"])
            #expect(try await database.rows(counts) == ["(01,0)", "(02,5)", "(03,0)"])
            #expect(try await database.rows("SELECT position FROM annals.checkpoints") == ["(24)"])
        }
    }

    @Test(arguments: [
        (UnopenedReason.keyMissing, "the vault has no key for its personal data"),
        (.keyDamaged, "the key for its personal data in the vault is damaged"), (.sealDamaged, "its sealed personal data is damaged"),
    ]) func `parks its stream when what a statement needs does not open, and only then`(reason: UnopenedReason, words: String) async throws {
        let history = History()
        for post in UInt64(1)...6 {
            try await history.tell(
                PostEvent.drafted(author: .number(1), title: .known("t"), slug: .known("t"), content: .known("c")), of: .number(post))
            try await history.tell(PostEvent.published(publishedAt: nil), of: .number(post))
        }
        // The text of post 3 does not open.
        let log = AlteredLog(history.store) { page in
            page.map { event in
                event.stream.id == .number(3) && event.type == "PostDrafted" ? event.unopened(["title", "slug", "content"], reason) : event
            }
        }
        let folder = [
            "titles": [
                "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, title text, published boolean);",
                "PostDrafted.sql": "INSERT INTO t VALUES (:stream_id, :title, false)",
                "PostPublished.sql": "UPDATE t SET published = true WHERE id = :stream_id",
                "PostDeleted.sql": "DELETE FROM t WHERE id = :stream_id",
            ],
            "counts": [
                "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY);", "PostDrafted.sql": "INSERT INTO t VALUES (:stream_id)",
            ],
        ]
        try await withReadDatabase { database in
            let lines = SpokenLog()
            try await withProjections(folder) { folder in
                try await project(log, into: database, folder: folder, logger: lines.logger) { projecting in
                    let line = try #require(await lines.line(with: "its stream is parked"))
                    #expect(line.contains("reason=\(words)"))
                    try await projecting.caughtUp()
                    try await eventually { projecting.group.statuses.map(\.parkedStreams) == [0, 1] }
                }
            }
            #expect(try await database.rows("SELECT count(*), count(*) FILTER (WHERE published) FROM titles.t") == ["(5,5)"])
            #expect(try await database.rows("SELECT count(*) FROM counts.t") == ["(6)"])
            #expect(try await database.rows(parked) == [#"(5,failed,,"\#(reason.rawValue)")"#, "(6,waiting,,)"])
        }
    }

    @Test func `is found among many when its constraint speaks up only at the commit`() async throws {
        let history = History()
        try await history.tell(
            PostEvent.drafted(author: .number(1), title: .known("t"), slug: .known("t"), content: .known("c")), of: .number(6))
        for post in UInt64(1)...9 { try await history.tell(views: 1, of: .number(post)) }
        let folder = [
            "model": [
                "table.sql": "CREATE TABLE t (id uuid CONSTRAINT once PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);",
                "PostDrafted.sql": "INSERT INTO t VALUES (:stream_id)", "PostViewed.sql": "INSERT INTO t VALUES (:stream_id)",
            ]
        ]
        try await withReadDatabase { database in
            try await parking(history, in: database, folder: folder) { try await $0.caughtUp() }
            #expect(try await database.rows(parked) == ["(7,failed,23505,once)"])
            #expect(try await database.rows("SELECT count(*) FROM model.t") == ["(9)"])
        }
    }

    @Test func `is told with its SQLSTATE and constraint, without the row`() async throws {
        let history = History()
        try await history.tell(views: 6, of: .number(0xABCDEF))
        try await withReadDatabase { database in
            let log = SpokenLog()
            try await parking(history, in: database, logger: log.logger) { _ in
                let line = try #require(await log.line(with: "its stream is parked"))
                #expect(line.hasPrefix("error "))
                for part in ["position=1", "sqlstate=23514", "constraint=few_views", "type=PostViewed"] { #expect(line.contains(part)) }
                #expect(!line.contains("Failing row"))
            }
        }
    }

    @Test func `is tried again first, and not parked when that helps`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await parking(history, in: database) { projecting in
                try await projecting.caughtUp()
                // A sequence counts the tries, since a rollback does not take it back.
                try await database.run(
                    """
                    CREATE SEQUENCE public.tries;
                    CREATE FUNCTION public.try() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT nextval('public.tries') $$;
                    ALTER TABLE model.t ADD CONSTRAINT patience CHECK (public.try() >= 4) NOT VALID;
                    """)
                try await history.tell(views: 1, of: .number(2))
                try await projecting.caughtUp()
                #expect(try await database.rows(counts) == ["(01,1)", "(02,1)"])
                #expect(try await database.rows("SELECT last_value FROM public.tries") == ["(4)"])
                #expect(try await database.rows(parked) == [])
            }
        }
    }

    @Test func `parks nothing when it is not at fault: the model waits until the database is mended`() async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            let log = SpokenLog()
            try await parking(history, in: database, logger: log.logger) { projecting in
                try await projecting.caughtUp()
                try await database.run("ALTER TABLE model.t RENAME TO gone")
                try await history.tell(views: 1, of: .number(1))
                _ = await log.line(with: "the read database refuses")
                try await eventually { projecting.group.statuses.map(\.state) == [.failed(position: 4)] }
                try await database.run("ALTER TABLE model.gone RENAME TO t")
                try await projecting.caughtUp()
                #expect(try await database.rows(parked) == [])
                #expect(try await database.rows(counts) == ["(01,4)"])
            }
        }
    }

    @Test func `stays parked over a restart, and its stream waits on`() async throws {
        let history = History()
        for _ in 1...6 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await parking(history, in: database) { try await $0.caughtUp() }
            try await history.tell(views: 0, of: .number(1))
            try await parking(history, in: database) { try await $0.caughtUp() }
            #expect(try await database.rows("SELECT position, state FROM annals.parked_events ORDER BY position") == ["(6,failed)", "(7,waiting)"])
        }
    }

    @Test func `stops the model when more than 20 streams fail within a minute`() async throws {
        let history = History()
        for post in UInt64(1)...22 { try await history.tell(views: 6, of: .number(post)) }
        try await withReadDatabase { database in
            try await database.countFailuresForLong()
            let log = SpokenLog()
            try await parking(history, in: database, logger: log.logger) { projecting in
                _ = await log.line(with: "critical the projector has stopped")
                try await eventually { if case .stopped = projecting.group.statuses[0].state { true } else { false } }
                guard case .stopped(let reason) = projecting.group.statuses[0].state else { Issue.record("it goes on"); return }
                #expect(reason.hasPrefix("more than 20 streams failed within a minute, the last at position 21"))
            }
            #expect(try await database.rows("SELECT count(*) FROM annals.parked_events") == ["(20)"])
            #expect(try await database.rows("SELECT position, failing_at FROM annals.checkpoints") == ["(20,21)"])
        }
    }

    @Test func `is counted`() async throws {
        let history = History()
        for post in UInt64(1)...3 { try await history.tell(views: 6, of: .number(post)) }
        let metrics = TestMetrics()
        try await withReadDatabase { database in
            try await parking(history, in: database, metrics: metrics) { projecting in
                try await projecting.caughtUp()
                let model = [("model", "model")]
                // Counted after the tables.
                try await eventually { (try? metrics.expectCounter("annals_projection_parkings_total", model).totalValue) == 3 }
                try await eventually { (try? metrics.expectRecorder("annals_projection_parked_streams", model).lastValue) == 3 }
                let isReached = try await projecting.positions.wait(for: 3, models: ["model"], timeout: patience)
                #expect(isReached)
            }
            let status = try await ReadModelStatus.readAll(from: database.pool)
            #expect(status.map(\.parkedStreams) == [3])
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A person who is gone` {
    private let folder = [
        "model": [
            "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, email text CONSTRAINT short CHECK (length(email) < 9))",
            "UserRegistered.sql": "INSERT INTO t VALUES (:stream_id, :email)",
            "UserEmailChanged.sql": "UPDATE t SET email = :email WHERE id = :stream_id",
            "UserClosed.sql": "UPDATE t SET email = NULL WHERE id = :stream_id",
        ]
    ]

    @Test(arguments: [true, false]) func `is erased although the stream is parked`(inOneBatch: Bool) async throws {
        let history = History()
        let (ann, bob) = (UUID.number(1), UUID.number(2))
        for user in [ann, bob] { try await history.tell(.registered(username: .known("u"), email: .known("u@b.de"), role: .user), of: user) }
        try await history.tell(.emailChanged(email: .known("far.too@long.org")), .emailChanged(email: .known("v@b.de")), of: ann)
        try await withReadDatabase { database in
            if !inOneBatch { try await parking(history, in: database, folder: folder) { try await $0.caughtUp() } }
            try await history.tell(.emailChanged(email: .known("w@b.de")), .closed, of: ann)
            try await parking(history, in: database, folder: folder) { projecting in
                try await projecting.caughtUp()
                try await eventually { projecting.group.statuses.map(\.parkedStreams) == [0] }
            }
            #expect(try await database.rows("SELECT email FROM model.t ORDER BY id") == ["()", "(u@b.de)"])
            #expect(try await database.rows("SELECT DISTINCT state FROM annals.parked_events") == ["(discarded)"])
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `The operator of a parked stream` {
    @Test func `sees what failed`() async throws {
        let history = History()
        for _ in 1...7 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await parking(history, in: database) { try await $0.caughtUp() }
            let events = try await ParkedEvents.list(in: database.pool)
            #expect(events.map(\.position) == [6, 7])
            #expect(events.map(\.state) == [.failed, .waiting])
            #expect(events.map(\.cause) == ["few_views", nil])
            #expect(try await ParkedEvents.list("other", in: database.pool) == [])
        }
    }

    @Test(arguments: [true, false]) func `has it applied once it is mended, and it becomes current`(isRunning: Bool) async throws {
        let history = History()
        for _ in 1...7 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            let mend: @Sendable (Projecting?) async throws -> Void = { projecting in
                let again = try await operating(history, database).retry("model")
                #expect(again.map(\.applied) == [0])
                #expect(again[0].failure?.contains("23514 few_views") == true)
                try await database.run(PickyModel.mending)
                let mended = try await operating(history, database).retry("model", stream: StreamName("views", .number(1)))
                #expect(mended.map(\.applied) == [2])
                #expect(mended[0].failure == nil)
                #expect(try await database.rows(parked) == [])
                #expect(try await database.rows(counts) == ["(01,7)"])
            }
            try await parking(history, in: database) { projecting in
                try await projecting.caughtUp()
                if isRunning { try await mend(projecting) }
            }
            if !isRunning { try await mend(nil) }
            // A projector that went on beside it knows that the stream is free.
            try await history.tell(views: 1, of: .number(1))
            try await parking(history, in: database) { try await $0.caughtUp() }
            #expect(try await database.rows(counts) == ["(01,8)"])
        }
    }

    @Test func `leaves a projector at work in no doubt about what is parked`() async throws {
        let history = History()
        for _ in 1...6 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await parking(history, in: database) { projecting in
                try await projecting.caughtUp()
                try await database.run(PickyModel.mending)
                _ = try await operating(history, database).retry("model")
                for _ in 1...5 { try await history.tell(views: 1, of: .number(1)) }
                try await projecting.caughtUp()
                #expect(try await database.rows(counts) == ["(01,11)"])
                try await eventually { projecting.group.statuses.map(\.parkedStreams) == [0] }
            }
        }
    }

    @Test func `can leave an event out, and what waited goes on`() async throws {
        let history = History()
        try await history.tell(views: 4, of: .number(1))
        try await history.tell(views: 2, of: .number(1))
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await parking(history, in: database) { try await $0.caughtUp() }
            let outcome = try await operating(history, database).discard("model", position: 2)
            #expect(outcome.applied == 1)
            #expect(outcome.failure == nil)
            #expect(try await database.rows(counts) == ["(01,5)"])
            #expect(try await database.rows(parked) == ["(2,discarded,23514,few_views)"])
        }
    }

    @Test func `is told when there is nothing`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await parking(history, in: database) { try await $0.caughtUp() }
            await #expect(throws: ParkedEventsError.nothingParked("position 7")) {
                try await operating(history, database).discard("model", position: 7)
            }
            await #expect(throws: ParkedEventsError.unknownModel("none")) { try await operating(history, database).retry("none") }
        }
    }
}
