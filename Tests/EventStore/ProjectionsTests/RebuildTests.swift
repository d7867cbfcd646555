import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Logging
import Postgres
import Publishing
import Synchronization
import TestSupport
import Testing

@testable import Projections

private let sums = "SELECT right(id::text, 2), t FROM model.t ORDER BY id"

/// Projectors of the model of view sums at work.
private func projecting<T: Sendable>(
    _ store: any EventStore, into database: ReadDatabase, _ files: [String: String] = ReadModel.viewSums("n"), logger: Logger = .silent,
    _ body: @escaping @Sendable (Projecting) async throws -> T
) async throws -> T {
    try await withProjections(["model": files]) { folder in try await project(store, into: database, folder: folder, logger: logger, body) }
}

@Suite(.timeLimit(.minutes(15))) struct `A rebuild` {
    @Test(arguments: [1, 2, 5]) func `makes the same rows that the live projector has made`(workers: Int) async throws {
        let history = History(step: .milliseconds(731_113))
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed \(seed)")
        try await history.tellAtRandom(1500, seed: seed)
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            let live = try await database.everything()
            let indexes = try await database.rows(
                "SELECT schemaname, indexdef FROM pg_indexes WHERE schemaname IN ('posts', 'users', 'view_counts', 'trending') ORDER BY 2")
            for name in ["posts", "users", "view_counts", "trending"] {
                let report = try await database.maintenance(history.store).rebuild(.ofRepository(name), workers: workers)
                let head = try await history.store.head()
                #expect(report.position == head)
            }
            #expect(try await database.everything() == live, "seed \(seed)")
            #expect(
                try await database.rows(
                    "SELECT schemaname, indexdef FROM pg_indexes WHERE schemaname IN ('posts', 'users', 'view_counts', 'trending') ORDER BY 2")
                    == indexes)
        }
    }

    @Test func `puts changed tables in the place of the stale ones, and the projector goes on with them`() async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { try await $0.caughtUp() }
            let log = SpokenLog()
            try await projecting(history.store, into: database, ReadModel.viewSums("total", factor: 10), logger: log.logger) { projecting in
                #expect(await log.line(with: "the folder has changed") != nil)
                let report = try await database.maintenance(history.store).rebuild(.viewSums("total", factor: 10))
                #expect(report.position == 3)
                #expect(try await database.rows("SELECT total FROM model.t") == ["(30)"])
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
                #expect(try await database.rows("SELECT total FROM model.t") == ["(40)"])
                #expect(await log.line(with: "the projector reads them again") != nil)
                try await eventually { projecting.group.statuses.map(\.isStale) == [false] }
                try await eventually { projecting.group.statuses.map(\.version) == [report.version] }
            }
        }
    }

    @Test func `is taken over by a projector that has an older folder, without calling it stale`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { projecting in
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
                _ = try await database.maintenance(history.store).rebuild(.viewSums("total", factor: 10))
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
                #expect(try await database.rows("SELECT total FROM model.t") == ["(20)"])
                #expect(try await ReadModelStatus.readAll(from: database.pool).map(\.isStale) == [false])
            }
        }
    }

    @Test func `goes beyond live tables that nobody keeps current`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { try await $0.caughtUp() }
            for _ in 1...700 { try await history.tell(views: 1, of: .number(1)) }
            let report = try await database.maintenance(history.store).rebuild(.viewSums())
            #expect(report.position == 700)
            #expect(try await database.rows("SELECT n FROM model.t") == ["(700)"])
            try await projecting(history.store, into: database) { try await $0.caughtUp() }
            #expect(try await database.rows("SELECT n FROM model.t") == ["(700)"])
        }
    }

    @Test func `tells how far it is`() async throws {
        let history = History()
        for _ in 1...4500 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { try await $0.caughtUp() }
            let told = Mutex<[RebuildProgress]>([])
            _ = try await database.maintenance(history.store).rebuild(.viewSums(), workers: 1) { progress in told.withLock { $0.append(progress) } }
            let progress = told.withLock { $0 }
            #expect(progress.allSatisfy { $0.total == 4500 })
            #expect(progress.map(\.applied) == [0, 2000, 4000, 4500, 4500, 4500, 4500])
            #expect(progress.map(\.phase) == [.applying, .applying, .applying, .applying, .indexing, .catchingUp, .swapping])
        }
    }

    @Test func `parks what its statements can not take, and a later event of the stream waits in the new tables too`() async throws {
        let history = History()
        for _ in 1...7 { for post in UInt64(1)...2 { try await history.tell(views: post == 1 ? 1 : 0, of: .number(post)) } }
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { projecting in
                try await projecting.caughtUp()
                let report = try await database.maintenance(history.store).rebuild(.viewSums(constraint: "CONSTRAINT few CHECK (n <= 5)"))
                #expect(report.parkedStreams == 1)
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
                #expect(try await ParkedEvents.list(in: database.pool).map(\.position) == [11, 13, 15])
                #expect(try await database.rows("SELECT n FROM model.t ORDER BY id") == ["(5)", "(0)"])
                // Mended by the next rebuild.
                _ = try await database.maintenance(history.store).rebuild(.viewSums())
                #expect(try await ParkedEvents.list(in: database.pool) == [])
                #expect(try await database.rows("SELECT n FROM model.t ORDER BY id") == ["(8)", "(0)"])
            }
        }
    }

    @Test func `keeps one set of tables from before`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { try await $0.caughtUp() }
            for _ in 1...3 { _ = try await database.maintenance(history.store).rebuild(.viewSums()) }
            #expect(try await database.schemas().count == 2)
            #expect(try await database.rows("SELECT purpose FROM annals.builds") == ["(previous)"])
        }
    }

    @Test func `is refused while another goes on, and what a killed one left behind is removed`() async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { try await $0.caughtUp() }
            let live = try await database.rows(sums)
            let stopped = AsyncStream<Void>.makeStream()
            // Once a rebuild has tables to leave behind, it stands still at its next look at the log until it is cancelled.
            let log = ObservedLog(history.store) {
                guard try await database.schemas().count == 2 else { return }
                stopped.continuation.yield()
                try await Task.sleep(for: .seconds(3600))
            }
            await #expect(throws: CancellationError.self) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await database.maintenance(log).rebuild(.viewSums("total")) }
                    for await _ in stopped.stream { break }
                    await #expect(throws: MaintenanceError.busy("model")) { try await database.maintenance(history.store).rebuild(.viewSums()) }
                    await #expect(throws: MaintenanceError.busy("model")) { try await database.maintenance(history.store).verify("model") }
                    group.cancelAll()
                    try await group.waitForAll()
                    throw CancellationError()
                }
            }
            #expect(try await database.rows(sums) == live)
            #expect(try await database.schemas().count == 2)
            _ = try await database.maintenance(history.store).rebuild(.viewSums("total"))
            #expect(try await database.rows("SELECT total FROM model.t") == ["(3)"])
            #expect(try await database.rows("SELECT purpose FROM annals.builds") == ["(previous)"])
        }
    }

    @Test func `leaves the live tables alone when its statements are wrong`() async throws {
        let history = History()
        for post in UInt64(1)...30 { try await history.tell(views: 1, of: .number(post)) }
        try await withReadDatabase { database in
            try await database.countFailuresForLong()
            try await projecting(history.store, into: database) { projecting in
                try await projecting.caughtUp()
                let before = try await database.rows(sums)
                do {
                    _ = try await database.maintenance(history.store).rebuild(.viewSums(constraint: "CHECK (n < 0)"))
                    Issue.record("it went through")
                } catch MaintenanceError.tooManyParked {}
                await #expect(throws: ReadModelError.self) {
                    try await database.maintenance(history.store).rebuild(
                        ReadModel(
                            name: "model", files: ["table.sql": "CREATE TABLE t (a int)", "PostViewed.sql": "DELETE FROM u"], catalog: .publishing))
                }
                #expect(try await database.rows(sums) == before)
                #expect(try await database.schemas() == ["(model)"])
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
            }
        }
    }

    @Test func `is refused when a query does not work with the new tables`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { projecting in
                try await projecting.caughtUp()
                let maintenance = database.maintenance(history.store, readers: [Statement("sum", "SELECT n FROM model.t WHERE id = $1")])
                do {
                    _ = try await maintenance.rebuild(.viewSums("total"))
                    Issue.record("it went through")
                } catch MaintenanceError.readerBroken(let model, let statement, let reason) {
                    #expect(model == "model" && statement == "sum")
                    #expect(reason == "column \"n\" does not exist (42703)")
                }
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
                #expect(try await database.rows("SELECT n FROM model.t") == ["(2)"])
            }
        }
    }

    @Test func `is the way on after the log was restored to an older state`() async throws {
        let (history, restored) = (History(), History())
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await restored.tell(views: 10, of: .number(2))
        try await withReadDatabase { database in
            try await projecting(history.store, into: database) { try await $0.caughtUp() }
            await #expect(throws: MaintenanceError.logRewritten("model")) { try await database.maintenance(restored.store).verify("model") }
            let report = try await database.maintenance(restored.store).rebuild(.viewSums())
            #expect(report.position == 1)
            try await projecting(restored.store, into: database) { projecting in
                try await restored.tell(views: 1, of: .number(2))
                try await projecting.caughtUp()
            }
            #expect(try await database.rows("SELECT n FROM model.t") == ["(11)"])
        }
    }

    @Test func `is refused for tables that were never made`() async throws {
        try await withReadDatabase { database in
            let history = History()
            await #expect(throws: MaintenanceError.unbuilt("model")) { try await database.maintenance(history.store).rebuild(.viewSums()) }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Queries during rebuilds` {
    /// Two forms of the table, with another type in the column that is asked for: what prepared statements trip over.
    private func model(_ type: String) throws -> ReadModel {
        try ReadModel(
            name: "model",
            files: [
                "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, n \(type)); CREATE TABLE u (id uuid PRIMARY KEY, n \(type))",
                "PostViewed.sql": """
                WITH other AS (INSERT INTO u VALUES (:stream_id, :count) ON CONFLICT (id) DO UPDATE SET n = u.n + :count)
                INSERT INTO t VALUES (:stream_id, :count) ON CONFLICT (id) DO UPDATE SET n = t.n + :count
                """,
            ], catalog: .publishing)
    }

    @Test func `are answered without an error, and never with older rows than they say`() async throws {
        let history = History()
        for post in UInt64(1)...200 { try await history.tell(views: 1, of: .number(post)) }
        // The position and all views: as many as there are positions, when each event has one view.
        let statement = Statement(
            "watch",
            """
            SELECT c.position, (SELECT sum(n) FROM model.t)::bigint, (SELECT sum(n) FROM model.u)::bigint, (SELECT n FROM model.t LIMIT 1)
            FROM annals.checkpoints AS c WHERE c.model = 'model'
            """)
        try await withReadDatabase { database in
            let first = try model("bigint")
            try await withProjections(["model": first.files]) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    let isDone = Flag()
                    let asked = try await withThrowingTaskGroup(of: Int.self) { group in
                        for _ in 1...4 {
                            group.addTask {
                                var asked = 0
                                while !isDone.isSet {
                                    let row = try await database.pool.query(statement)[0]
                                    let (position, t, u) = (
                                        try row.get(0, as: Int64.self), try row.get(1, as: Int64.self), try row.get(2, as: Int64.self)
                                    )
                                    #expect(t == position && u == position)
                                    asked += 1
                                }
                                return asked
                            }
                        }
                        group.addTask {
                            for _ in 1...1500 where !isDone.isSet {
                                try await history.tell(views: 1, of: .number(.random(in: 1...200)))
                                await Task.yield()
                            }
                            return 0
                        }
                        for round in 1...6 {
                            _ = try await database.maintenance(history.store, readers: [statement]).rebuild(
                                model(round.isMultiple(of: 2) ? "bigint" : "int"))
                        }
                        isDone.set()
                        return try await group.reduce(0, +)
                    }
                    // A slow machine asks seldom.
                    #expect(asked > 10)
                    try await projecting.caughtUp()
                }
                let head = try await history.store.head()
                #expect(try await database.rows("SELECT sum(n) FROM model.t") == ["(\(head))"])
            }
        }
    }
}
