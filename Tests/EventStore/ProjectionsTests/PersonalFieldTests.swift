import EventSourcing
import Publishing
import Testing

@testable import Projections

private func refusal(_ files: [String: String]) -> String? {
    do {
        let table = "CREATE TABLE t (id uuid PRIMARY KEY, name text)"
        _ = try ReadModel(name: "model", files: files.merging(["table.sql": table]) { own, _ in own }, catalog: .publishing)
        return nil
    } catch {
        return "\(error)"
    }
}

private let uses = [
    ("PostDrafted.sql", "INSERT INTO t\nVALUES (:stream_id, :title)", "PostDrafted.sql:2: title", "PostDeleted.sql"),
    ("PostEdited.sql", "UPDATE t SET name = :data->>'title' WHERE id = :stream_id", "PostEdited.sql:1: data", "PostDeleted.sql"),
    ("UserRegistered.sql", "INSERT INTO t VALUES (:stream_id, :email)", "UserRegistered.sql:1: email", "UserClosed.sql"),
    (
        "UserProfileChanged.sql", "UPDATE t SET name = :displayName\nWHERE id = :stream_id", "UserProfileChanged.sql:1: displayName",
        "UserClosed.sql"
    ),
]

@Suite struct `A read model that takes what is personal` {
    @Test(arguments: uses) func `is refused unless a statement takes it away again`(file: String, sql: String, place: String, erasure: String) {
        #expect(refusal([file: sql]) == "model/\(place) is personal, and there is no \(erasure) that takes it away again")
        #expect(refusal([file: sql, erasure: "DELETE FROM t WHERE id = :stream_id"]) == nil)
    }

    @Test func `is refused for its set forms, too`() {
        let files = [
            "PostDrafted.sql": "INSERT INTO t VALUES (:stream_id)",
            "PostDrafted.set.sql": "INSERT INTO t\nSELECT stream_id, e.title FROM :events AS e",
        ]
        #expect(
            refusal(files) == "model/PostDrafted.set.sql:2: title is personal, and there is no PostDeleted.sql that takes it away again")
    }

    @Test func `is no model of open fields, or of whether a field was given`() {
        #expect(refusal(["PostDrafted.sql": "INSERT INTO t VALUES (:stream_id, :author::text)"]) == nil)
        #expect(refusal(["PostEdited.sql": "UPDATE t SET name = :title_given::text WHERE id = :stream_id"]) == nil)
        #expect(refusal(["PostViewed.sql": "UPDATE t SET name = :data->>'count' WHERE id = :stream_id"]) == nil)
    }
}
