import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import Testing

@testable import Projections

/// The verification of a model with this table, after the live one was altered.
private func differences(_ columns: String, _ insert: String, _ alter: String) async throws -> [RowDifference] {
    let history = History()
    for post in UInt64(1)...2 { try await history.tell(views: 1, of: .number(post)) }
    return try await withReadDatabase { database in
        try await withProjections(["model": ["table.sql": "CREATE TABLE entry (\(columns))", "PostViewed.sql": "INSERT INTO entry \(insert)"]]) {
            folder in
            try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
            let equal = try await database.maintenance(history.store).verify("model")
            #expect(equal.isEqual, "\(equal)")
            try await database.run(alter)
            return try await database.maintenance(history.store).verify("model").differences
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Tables that differ` {
    @Test func `are found without a key, whatever their columns are called`() async throws {
        let found = try await differences("id uuid, t text, n int", "VALUES (:stream_id, 'same', :count)", "UPDATE model.entry SET n = 99")
        // Two on either side.
        #expect(found.map(\.kind) == [.table("4 rows differ; it has no key to name them by")])
    }

    @Test func `are found with columns named like the sides of the comparison`() async throws {
        let found = try await differences(
            "live uuid PRIMARY KEY, folded int, content text, times int", "VALUES (:stream_id, :count, 'x', 1)",
            "UPDATE model.entry SET folded = 9 WHERE live = '\(UUID.number(2).lowercased)'")
        #expect(found == [RowDifference(table: "entry", key: "live \(UUID.number(2).lowercased)", kind: .columns(["folded"]))])
    }

    @Test(arguments: [
        ("int[]", "ARRAY[:position::int, 7]", "{2,7}"), ("jsonb", "jsonb_build_object('p', :position)", "{\"p\": 2}"),
        ("bytea", "decode('0' || :position, 'hex')", "\\x02"),
    ])
    func `are found by keys of any type`(type: String, key: String, shown: String) async throws {
        let found = try await differences("k \(type) PRIMARY KEY, n int", "VALUES (\(key), :position)", "UPDATE model.entry SET n = 9 WHERE n = 2")
        #expect(found == [RowDifference(table: "entry", key: "k \(shown)", kind: .columns(["n"]))])
    }

    @Test func `are named by the column where one holds JSON's null and the other nothing`() async throws {
        let found = try await differences(
            "id uuid PRIMARY KEY, j jsonb", "VALUES (:stream_id, 'null')", "UPDATE model.entry SET j = NULL WHERE id = '\(UUID.number(1).lowercased)'"
        )
        #expect(found.map(\.kind) == [.columns(["j"])])
    }

    @Test func `are found by columns that their SQL does not make`() async throws {
        let found = try await differences(
            "id uuid PRIMARY KEY, n int", "VALUES (:stream_id, 1)", "ALTER TABLE model.entry ALTER COLUMN n TYPE bigint")
        #expect(found.map(\.kind) == [.table("its columns or its key are not those that its SQL makes")])
    }
}
