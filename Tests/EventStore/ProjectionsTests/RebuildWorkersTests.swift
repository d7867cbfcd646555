import EventSourcing
import Publishing
import Testing

@testable import Projections

/// Rebuilds a folder with one worker and with several, and returns both tables.
private func rebuiltTwice(
    _ files: [String: String], from history: History, reading rows: String
) async throws -> (alone: [String], together: [String]) {
    try await withReadDatabase { database in
        try await withProjections(["model": files]) { folder in
            try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
        }
        let model = try ReadModel(name: "model", files: files, catalog: .publishing)
        _ = try await database.maintenance(history.store).rebuild(model, workers: 1)
        let alone = try await database.rows(rows)
        _ = try await database.maintenance(history.store).rebuild(model, workers: 4)
        return (alone, try await database.rows(rows))
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A rebuild with several workers` {
    @Test func `counts right what all streams share, though the workers collide on it`() async throws {
        let history = History()
        // Each worker changes both rows, in an order of its own.
        for number in UInt64(1)...400 { try await history.tell(views: Int64(1 + number % 2), of: .number(number % 37)) }
        let counters = [
            "table.sql": "CREATE TABLE t (kind bigint PRIMARY KEY, n bigint)",
            "PostViewed.sql": "INSERT INTO t VALUES (:count, 1) ON CONFLICT (kind) DO UPDATE SET n = t.n + 1",
        ]
        let (alone, together) = try await rebuiltTwice(counters, from: history, reading: "SELECT kind, n FROM model.t ORDER BY kind")
        #expect(alone == ["(1,200)", "(2,200)"])
        #expect(together == alone)
    }

    @Test func `gives a model that needs the order between streams to one of them`() async throws {
        let history = History()
        for number in UInt64(1)...400 { try await history.tell(views: Int64(number), of: .number(number % 37)) }
        // Each row tells which event came before its own, of whatever stream.
        let ordered = [
            "table.sql": "-- annals: serial\nCREATE TABLE t (position bigint PRIMARY KEY, previous bigint)",
            "PostViewed.sql": "INSERT INTO t SELECT :position, max(position) FROM t",
        ]
        let (alone, together) = try await rebuiltTwice(
            ordered, from: history, reading: "SELECT count(*), count(*) FILTER (WHERE previous = position - 1) FROM model.t")
        #expect(alone == ["(400,399)"])
        #expect(together == alone)
    }
}
