import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

private let table = "CREATE TABLE t (id uuid PRIMARY KEY, n bigint CONSTRAINT few_views CHECK (n <= 5), sets int NOT NULL DEFAULT 0)"
private let single = "INSERT INTO t VALUES (:stream_id, :count) ON CONFLICT (id) DO UPDATE SET n = t.n + :count"
/// Counts how often it ran, too, which the form for one event does not.
private let set = """
    -- annals: repeats
    INSERT INTO t SELECT stream_id, sum(event.count), 1 FROM :events AS event GROUP BY stream_id
    ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n, sets = t.sets + 1
    """
private let folder = ["model": ["table.sql": table, "PostViewed.sql": single, "PostViewed.set.sql": set]]
private let counts = "SELECT right(id::text, 2), n, sets FROM model.t ORDER BY id"

private func refusal(_ files: [String: String]) -> String? {
    do {
        _ = try ReadModel(
            name: "model", files: ["table.sql": table, "PostViewed.sql": single].merging(files) { _, new in new }, catalog: .publishing)
        return nil
    } catch {
        return "\(error)"
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A set form` {
    @Test func `gets a table of its events, with the columns that it names`() throws {
        let sql = "INSERT INTO t\nSELECT stream_id, sum(count) FROM :events AS e GROUP BY 1;\n"
        let model = try ReadModel(
            name: "model", files: ["table.sql": table, "PostViewed.sql": single, "PostViewed.set.sql": sql], catalog: .publishing)
        let form = try #require(model.sets["PostViewed"])
        #expect(
            form.statement.sql == """
                INSERT INTO t
                SELECT stream_id, sum(count) FROM (SELECT * FROM unnest($1::bigint[], $2::uuid[]) AS event ("count", "stream_id")) AS e GROUP BY 1
                """)
        #expect(!form.takesRepeats)
    }

    @Test func `names fields of mixed case as SQL does`() {
        #expect(
            refusal([
                "PostPublished.sql": single.replacing(":count", with: "1"),
                "PostPublished.set.sql": "UPDATE t SET n = 1 FROM :events AS e WHERE e.publishedAt IS NULL AND e.publishedAt_given",
            ]) == nil)
    }

    @Test func `is refused with another parameter than the events`() {
        #expect(
            refusal(["PostViewed.set.sql": "UPDATE t\nSET n = :count FROM :events AS e"])
                == "model/PostViewed.set.sql:2: :count is not allowed: a set has one parameter, :events, a table with the columns of its events")
    }

    @Test func `is refused when it does not use the events`() {
        #expect(refusal(["PostViewed.set.sql": "UPDATE t SET n = 1"]) == "model/PostViewed.set.sql: the statement does not use :events")
    }

    @Test func `is refused without the form for one event`() {
        #expect(
            refusal(["PostDeleted.set.sql": "DELETE FROM t USING :events AS e WHERE id = e.stream_id"])
                == "model/PostDeleted.set.sql: there is no PostDeleted.sql beside it: a set that fails is applied event by event")
    }

    @Test func `is refused for an event type that does not exist`() {
        #expect(refusal(["PostVeiwed.set.sql": set]) == "model/PostVeiwed.set.sql: there is no event type PostVeiwed")
    }

    @Test func `is refused at the start, by file and line, when it does not prepare`() async throws {
        var files = folder["model", default: [:]]
        files["PostViewed.set.sql"] = "UPDATE t\nSET n = e.total\nFROM :events AS e WHERE id = e.stream_id"
        let (wrong, history) = (files, History())
        try await withReadDatabase { database in
            let refusal = await #expect(throws: ReadModelError.self) {
                try await withProjections(["model": wrong]) {
                    try await project(history.store, into: database, folder: $0) { try await $0.caughtUp() }
                }
            }
            #expect(refusal?.description == "model/PostViewed.set.sql:2: column e.total does not exist (42703)")
        }
    }

    @Test func `takes many events in one statement, and leaves few to the form for one`() async throws {
        let history = History()
        for _ in 1...3 { for post in UInt64(1)...3 { try await history.tell(views: 1, of: .number(post)) } }
        try await withReadDatabase { database in
            try await withProjections(folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    #expect(try await database.rows(counts) == ["(01,3,1)", "(02,3,1)", "(03,3,1)"])
                    try await history.tell(views: 1, of: .number(2))
                    try await projecting.caughtUp()
                    #expect(try await database.rows(counts) == ["(01,3,1)", "(02,4,1)", "(03,3,1)"])
                }
                _ = try await database.maintenance(history.store).rebuild(
                    ReadModel.load(folder: "\(folder)/model", catalog: .publishing), workers: 1)
                #expect(try await database.rows(counts) == ["(01,3,1)", "(02,4,1)", "(03,3,1)"])
            }
        }
    }

    @Test func `that fails parks the one stream at fault, while all others go on`() async throws {
        let history = History()
        for _ in 1...8 { for post in UInt64(1)...3 { try await history.tell(views: post == 2 ? 1 : 0, of: .number(post)) } }
        try await withReadDatabase { database in
            try await withProjections(folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await eventually { projecting.group.statuses.map(\.parkedStreams) == [1] }
                }
            }
            let parked = try await database.rows("SELECT position, state, sqlstate, violated FROM annals.parked_events ORDER BY position")
            #expect(parked == ["(17,failed,23514,few_views)", "(20,waiting,,)", "(23,waiting,,)"])
            // Events after the failure went by sets again.
            #expect(try await database.rows(counts) == ["(01,0,1)", "(02,5,0)", "(03,0,1)"])
        }
    }

    @Test func `that does something else than the form for one event is found by a verification`() async throws {
        let history = History()
        for post in UInt64(1)...9 { try await history.tell(views: 1, of: .number(post)) }
        try await withReadDatabase { database in
            try await withProjections(folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    let report = try await database.maintenance(history.store).verify("model")
                    #expect(report.differences.count == 9)
                    #expect(report.differences.allSatisfy { $0.kind == .columns(["sets"]) })
                }
            }
        }
    }

    @Test func `is planned by keys, even while the tables are small`() async throws {
        try await withReadDatabase { database in
            try await database.run(
                "CREATE SCHEMA model; GRANT ALL ON SCHEMA model TO annals_projector; CREATE TABLE model.t (id uuid PRIMARY KEY, n bigint)")
            try await database.run("GRANT ALL ON model.t TO annals_projector")
            let plan = try await ConnectionPool.withPool(database.target.forReadModel("model"), limits: .patient, logger: .silent) { pool in
                try await pool.withSession { session in
                    try await session.execute(
                        script: """
                            SET plan_cache_mode = force_generic_plan;
                            PREPARE change(uuid[]) AS UPDATE t SET n = 1 FROM (SELECT * FROM unnest($1) AS e (id)) AS e WHERE t.id = e.id
                            """)
                    return try await session.query(Statement("plan", "EXPLAIN EXECUTE change('{}')")).map { try $0.get(0, as: String.self) }
                }
            }
            #expect(plan.contains { $0.contains("Index Scan using t_pkey") }, "\(plan)")
            #expect(!plan.contains { $0.contains("Seq Scan") }, "\(plan)")
        }
    }

    @Test func `belongs to the version`() async throws {
        try await withReadDatabase { database in
            let with = try ReadModel(name: "model", files: folder["model", default: [:]], catalog: .publishing)
            let without = try ReadModel(name: "model", files: ["table.sql": table, "PostViewed.sql": single], catalog: .publishing)
            let versions = (try await with.version(by: database.pool), try await without.version(by: database.pool))
            #expect(versions.0 != versions.1)
        }
    }
}
