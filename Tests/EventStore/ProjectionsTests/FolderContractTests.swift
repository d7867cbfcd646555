import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import Testing

@testable import Projections

private let table = "CREATE TABLE t (id uuid PRIMARY KEY, n bigint);\n"

private func refusal(_ files: [String: String]) -> String? {
    do {
        _ = try ReadModel(name: "model", files: ["table.sql": table].merging(files) { _, new in new }, catalog: .publishing)
        return nil
    } catch {
        return "\(error)"
    }
}

@Suite(.timeLimit(.minutes(15))) struct `The contract of a read model's folder` {
    @Test(arguments: [
        "CREATE UNLOGGED TABLE u (n int)", "CREATE TEMP TABLE u (n int)", "CREATE TEMPORARY TABLE u (n int)", "CREATE VIEW v AS SELECT 1",
        "CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE RULE r AS ON INSERT TO t DO NOTHING", "CREATE FUNCTION f() RETURNS int RETURN 1",
        "CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f()", "CREATE SCHEMA s", "ALTER ROLE annals_queries SET work_mem = '1MB'",
        "ALTER SCHEMA posts RENAME TO other", "COMMENT ON SCHEMA posts IS 'x'", "CREATE TYPE e AS ENUM ('a')",
    ])
    func `has tables and their indexes only`(sql: String) {
        #expect(refusal(["table.sql": table + sql])?.hasPrefix("model/table.sql:2: only CREATE TABLE, CREATE INDEX") == true)
    }

    @Test(arguments: ["ALTER TABLE t SET UNLOGGED", "ALTER TABLE t SET SCHEMA posts", "ALTER TABLE t OWNER TO annals_queries"])
    func `leaves the tables where they are, and safe from a crash`(sql: String) {
        #expect(refusal(["table.sql": table + sql])?.contains(" is not allowed: the tables are the projector's") == true)
    }

    @Test(arguments: ["ENABLE", "FORCE", "NO FORCE", "DISABLE"]) func `hides no rows from those who query`(word: String) {
        #expect(
            refusal(["table.sql": table + "ALTER TABLE t \(word) ROW LEVEL SECURITY"])?.hasPrefix(
                "model/table.sql:2: ROW LEVEL SECURITY is not allowed")
                == true)
    }

    @Test func `has no constraint that spans streams`() {
        #expect(
            refusal(["table.sql": table + "CREATE TABLE u (t uuid REFERENCES t)"])?.hasPrefix("model/table.sql:2: REFERENCES is not allowed") == true)
        for exclusion in ["EXCLUDE (n WITH =)", "EXCLUDE USING btree (n WITH =)"] {
            #expect(refusal(["table.sql": table + "CREATE TABLE u (n int, \(exclusion))"])?.contains("EXCLUDE is not allowed") == true)
        }
        #expect(refusal(["table.sql": table + "CREATE TABLE u (exclude boolean, identity text, \"schema\" text)"]) == nil)
    }

    @Test(arguments: [
        "CREATE TABLE IF NOT EXISTS posts.u (n int)", "ALTER TABLE IF EXISTS posts.post ADD COLUMN n int", "CREATE TABLE u (LIKE posts.post)",
        "CREATE TABLE u (p posts.post)", "CREATE INDEX i ON \"posts\".post (id)", "COMMENT ON TABLE posts.post IS 'x'",
        "CREATE TABLE u AS SELECT * FROM posts.post",
    ])
    func `names no other schema in definitions`(sql: String) {
        #expect(
            refusal(["table.sql": table + sql])
                == "model/table.sql:2: posts. is not allowed: a read model has no tables but its own, which are named without a schema")
    }

    @Test func `may name its tables' columns in definitions`() {
        #expect(refusal(["table.sql": table + "COMMENT ON COLUMN t.n IS 'views'; CREATE TABLE u (n pg_catalog.int4 CHECK (u.n > 0))"]) == nil)
    }

    @Test(arguments: [
        ("WITH z AS (UPDATE annals.checkpoints SET position = 0) DELETE FROM t", "annals"), ("DELETE FROM t USING t AS a, \"public\".u", "public"),
        ("DELETE FROM t WHERE n = (SELECT count(*) FROM information_schema.tables)", "information_schema"),
    ])
    func `names none of the read database's own tables`(sql: String, schema: String) {
        #expect(refusal(["PostViewed.sql": sql])?.hasPrefix("model/PostViewed.sql:1: \(schema). is not allowed") == true)
    }

    @Test(arguments: ["DELETE FROM t USING t AS a, model.t AS b", "DELETE FROM t WHERE id IN (SELECT model.t.id FROM t)"])
    func `names its own schema nowhere`(sql: String) {
        #expect(refusal(["PostViewed.sql": sql])?.hasPrefix("model/PostViewed.sql:1: model. is not allowed") == true)
        #expect(refusal(["table.sql": table + "CREATE TABLE u (LIKE model.t)"])?.hasPrefix("model/table.sql:2: model. is not allowed") == true)
    }

    @Test(arguments: [
        "' now'", "'now '", "'Today 12:00'", "'12:00today'", "$$now$$", "$x$ tomorrow$x$", "E'now'", "E'\\156ow'", "E'n\\ow'", "'now()'",
        "U&'\\006eow'", "'n'\n'ow'",
        "query_to_xml('select 1', true, true, '')", "pg_postmaster_start_time()", "current_schema", "current_schema()", "pg_catalog.current_schema()",
        "user",
        "current_role", "current_catalog", "t.xmin", "\"ctid\"", "tableoid", "pg_current_snapshot()", "txid_current_snapshot()",
        "pg_catalog.pg_class",
        "(SELECT count(*) FROM t TABLESAMPLE system (10))", "\"current_user\"()",
    ])
    func `has nothing that is not made from the log`(expression: String) {
        let message = refusal(["PostViewed.sql": "UPDATE t SET n = 1 WHERE \(expression) IS NULL"])
        #expect(message != nil)
    }

    @Test func `has no clock in a default`() {
        #expect(refusal(["table.sql": "CREATE TABLE t (id uuid, at timestamptz DEFAULT ' now')"])?.contains("reads the clock") == true)
    }

    @Test(arguments: ["'known'", "e'plain'", "t.user", "u&1", "'a' || 'b'", "'nowhere'"])
    func `has literals and columns that only look alike`(expression: String) {
        #expect(refusal(["PostViewed.sql": "UPDATE t SET n = 1 WHERE (\(expression)) IS NULL"]) == nil)
    }

    @Test func `has no declaration that means nothing`() {
        #expect(refusal(["table.sql": "\r\n-- annals: seriell\r\n" + table]) == "model/table.sql:2: -- annals: seriell has no meaning here")
        #expect(refusal(["PostViewed.sql": "-- annals: repeats\nDELETE FROM t"]) == "model/PostViewed.sql:1: -- annals: repeats has no meaning here")
    }

    @Test func `has no file that would be passed over for its name`() async throws {
        try await withProjections(["model": ["table.sql": table, "PostDrafted.SQL": "DELETE FROM t"]]) { root in
            #expect(
                throws: ReadModelError(file: "model/PostDrafted.SQL", reason: "the name must end with .sql in lower case, or it would not be read")
            ) {
                try ReadModel.loadAll(root: root, catalog: .publishing)
            }
        }
    }

    @Test func `is judged for each folder by itself`() async throws {
        try await withProjections(["broken": [:], "model": ["table.sql": table]]) { root in
            let folders = try ReadModel.loadEach(root: root, catalog: .publishing)
            #expect(folders.map(\.name) == ["broken", "model"])
            #expect(throws: ReadModelError(file: "broken/table.sql", reason: "the file is missing")) { try folders[0].model.get() }
            #expect(try folders[1].model.get().name == "model")
        }
    }

    @Test(arguments: [
        "UPDATE first.t SET n = 1", "DELETE FROM t USING t AS a, first.t AS b WHERE b.id = t.id", "INSERT INTO t SELECT id, n FROM \"first\".t",
        "WITH other AS (DELETE FROM first.t) DELETE FROM t",
    ])
    func `keeps to its own tables, as the server sees it`(sql: String) async throws {
        let first = ["table.sql": table]
        try await withReadDatabase { database in
            try await withProjections(["first": first]) { folder in
                try await project(History().store, into: database, folder: folder) { try await $0.caughtUp() }
            }
            try await withProjections(["first": first, "model": ["table.sql": table, "PostViewed.sql": "-- views\n" + sql]]) { folder in
                let refused = ReadModelError(
                    file: "model/PostViewed.sql", line: 2, reason: "first.t is not one of its tables: a read model touches and reads no others")
                await #expect(throws: refused) {
                    try await project(History().store, into: database, folder: folder) { try await $0.caughtUp() }
                }
            }
            #expect(try await database.schemas() == ["(first)"])
        }
    }

    @Test func `calls no function that the server knows as volatile`() async throws {
        try await withReadDatabase { database in
            try await withProjections(["model": ["table.sql": table, "PostViewed.sql": "UPDATE t\nSET n = lo_creat(-1)"]]) { folder in
                let refused = ReadModelError(
                    file: "model/PostViewed.sql", line: 2, reason: "lo_creat is not allowed: a read model is made from the log alone")
                await #expect(throws: refused) {
                    try await project(History().store, into: database, folder: folder) { try await $0.caughtUp() }
                }
            }
        }
    }
}
