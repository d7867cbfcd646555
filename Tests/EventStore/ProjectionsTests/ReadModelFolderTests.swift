import EventSourcing
import Postgres
import Publishing
import Testing

@testable import Projections

private let table = "CREATE TABLE t (id uuid PRIMARY KEY, n bigint);\n"

private func refusal(_ files: [String: String], name: String = "model") -> String? {
    do {
        _ = try ReadModel(name: name, files: ["table.sql": table].merging(files) { _, new in new }, catalog: .publishing)
        return nil
    } catch {
        return "\(error)"
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A read model's folder` {
    @Test func `turns named parameters into typed placeholders, each once`() throws {
        let sql = "INSERT INTO t VALUES (:stream_id, :count)\nON CONFLICT (id) DO UPDATE SET n = t.n + :count; -- done\n"
        let model = try ReadModel(name: "model", files: ["table.sql": table, "PostViewed.sql": sql], catalog: .publishing)
        let statement = try #require(model.statements["PostViewed"])
        #expect(statement.statement.sql == "INSERT INTO t VALUES ($1::uuid, $2::bigint)\nON CONFLICT (id) DO UPDATE SET n = t.n + $2::bigint")
        #expect(statement.parameters == [.streamID, .field("count", .integer)])
    }

    @Test func `offers everything that an event has`() {
        let sql = """
            UPDATE t SET n = 1 WHERE (:stream, :stream_id, :version, :position, :recorded_at, :actor, :event_id, :data, :title, :title_given) IS NULL
            """
        #expect(refusal(["PostEdited.sql": sql, "PostDeleted.sql": "DELETE FROM t WHERE id = :stream_id"]) == nil)
    }

    @Test func `may hold files for people`() async throws {
        try await withProjections(["model": ["table.sql": table, "README.md": "why"]]) { root in
            let models = try ReadModel.loadAll(root: root, catalog: .publishing)
            #expect(models.map(\.files.keys.count) == [1])
        }
    }

    @Test func `is refused for an event type that does not exist`() {
        #expect(refusal(["PostPublihsed.sql": "DELETE FROM t"]) == "model/PostPublihsed.sql: there is no event type PostPublihsed")
    }

    @Test func `is refused for a parameter that the event does not have`() {
        let message = refusal(["PostViewed.sql": "UPDATE t\nSET n = :cuont"])
        #expect(message?.hasPrefix("model/PostViewed.sql:2: PostViewed has no parameter :cuont; it has :actor :count :count_given :data ") == true)
    }

    @Test func `is refused for a second statement`() {
        #expect(
            refusal(["PostViewed.sql": "DELETE FROM t;\n\nDELETE FROM t"])
                == "model/PostViewed.sql:3: a second statement: there may be one for each event type")
    }

    @Test func `is refused for a file without a statement`() {
        #expect(refusal(["PostViewed.sql": "-- later\n"]) == "model/PostViewed.sql: the file holds no statement")
    }

    @Test func `is refused for a statement that changes no rows`() {
        #expect(
            refusal(["PostViewed.sql": "TRUNCATE t"])
                == "model/PostViewed.sql:1: the statement must be an INSERT, UPDATE, DELETE or MERGE, not truncate")
    }

    @Test(arguments: [
        "now()", "NOW ()", "pg_catalog.now()", "\"now\"()", "clock_timestamp()", "random()", "gen_random_uuid()", "nextval('s')",
        "current_setting('x')",
    ])
    func `is refused for a function that is not made of the event`(call: String) throws {
        let message = try #require(refusal(["PostViewed.sql": "UPDATE t SET n = 1\nWHERE \(call) IS NULL"]))
        #expect(message.hasPrefix("model/PostViewed.sql:2: "))
        #expect(message.hasSuffix(" is not allowed: a read model is made from the log alone"))
    }

    @Test(arguments: ["CURRENT_TIMESTAMP", "localtime", "current_date", "CURRENT_USER"])
    func `is refused for a key word that is not made of the event`(word: String) {
        #expect(
            refusal(["PostViewed.sql": "UPDATE t SET n = 1 WHERE \(word) IS NULL"])
                == "model/PostViewed.sql:1: \(word.lowercased()) is not allowed: a read model is made from the log alone")
    }

    @Test func `is refused for a literal that reads the clock`() {
        #expect(
            refusal(["PostViewed.sql": "UPDATE t SET n = 1 WHERE 'Now'::timestamptz IS NULL"])
                == "model/PostViewed.sql:1: 'Now' reads the clock: a read model is made from the log alone")
    }

    @Test func `may name columns like forbidden functions`() {
        #expect(refusal(["PostViewed.sql": "UPDATE t SET now = random, age = version WHERE note = 'known'"]) == nil)
    }

    @Test func `is refused for numbered parameters`() {
        #expect(
            refusal(["PostViewed.sql": "UPDATE t SET n = $1"])
                == "model/PostViewed.sql:1: $1 is not allowed: parameters are named, as in :stream")
    }

    @Test(arguments: [
        ("CREATE TABLE u (\n  n bigserial\n)", "table.sql:2: bigserial is not allowed: a read model is made from the log alone"),
        ("CREATE TABLE u (\n  at timestamptz DEFAULT now()\n)", "table.sql:2: now is not allowed: a read model is made from the log alone"),
        ("CREATE TABLE u (n int GENERATED ALWAYS AS IDENTITY)", "table.sql:1: identity is not allowed: a read model is made from the log alone"),
        ("CREATE TABLE u (n int);\nCOMMIT;", "table.sql:2: only CREATE, ALTER and COMMENT may stand here, not commit"),
        ("CREATE TABLE u (n int DEFAULT :count)", "table.sql:1: :count has no value here: only events have parameters"),
    ])
    func `is refused for tables that are not made from the log alone`(sql: String, expected: String) {
        #expect(refusal(["table.sql": sql]) == "model/" + expected)
    }

    @Test func `is refused for a unique constraint`() {
        #expect(
            refusal(["indexes.sql": "CREATE UNIQUE INDEX i ON t (n)"])
                == "model/indexes.sql:1: UNIQUE is not allowed: a rebuild applies streams side by side, so two rows may briefly collide")
    }

    @Test(arguments: ["INSERT INTO model.t VALUES (:stream_id, 1)", "UPDATE \"model\".t SET n = 1", "DELETE FROM t USING model.u"])
    func `is refused for a table named with the model's own schema, since a rebuild makes it in another`(sql: String) {
        #expect(
            refusal(["PostViewed.sql": sql])?.hasSuffix(
                "model. is not allowed: a rebuild makes the tables in another schema, so they are named without it") == true)
        #expect(refusal(["indexes.sql": "CREATE INDEX i ON model.t (n)"])?.hasPrefix("model/indexes.sql:1: model. is not allowed") == true)
    }

    @Test func `may name a table like the model`() {
        #expect(
            refusal(["table.sql": "CREATE TABLE model (id uuid)", "PostViewed.sql": "UPDATE model SET id = NULL WHERE model.id = :stream_id"]) == nil)
    }

    @Test func `says whether it needs the order between streams`() throws {
        func isSerial(_ comment: String) throws -> Bool {
            try ReadModel(name: "model", files: ["table.sql": comment + "\n" + table], catalog: .publishing).isSerial
        }
        #expect(try isSerial("-- annals: serial"))
        #expect(try isSerial("-- annals: serial\r"))
        #expect(try isSerial("-- why\r\n\t-- annals:\tserial\r"))
        #expect(try !isSerial("-- not serial"))
    }

    @Test func `is refused without tables`() {
        #expect(throws: ReadModelError(file: "model/table.sql", reason: "the file is missing")) {
            try ReadModel(name: "model", files: [:], catalog: .publishing)
        }
    }

    @Test(arguments: ["annals", "public", "pg_model", "Model", "my-model", "1st", "", "a;b", "posts__1"])
    func `is refused when its name can not be a schema's`(name: String) {
        #expect(refusal([:], name: name) != nil)
    }
}
