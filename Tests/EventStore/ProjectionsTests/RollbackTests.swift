import EventSourcing
import FoundationEssentials
import Postgres
import Publishing
import Testing

@testable import Projections

/// Tables rebuilt once, from a column `n` to a column `total`, with two events in them.
private func rebuilt(_ body: @escaping @Sendable (ReadDatabase, History, Projecting) async throws -> Void) async throws {
    let history = History()
    try await history.tell(views: 1, of: .number(1))
    try await withReadDatabase { database in
        try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
            try await project(history.store, into: database, folder: folder) { projecting in
                try await projecting.caughtUp()
                _ = try await database.maintenance(history.store).rebuild(.viewSums("total", factor: 10))
                try await history.tell(views: 1, of: .number(1))
                try await projecting.caughtUp()
                try await body(database, history, projecting)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A rollback` {
    @Test func `brings the tables from before up to the log and puts them back`() async throws {
        try await rebuilt { database, history, projecting in
            #expect(try await database.rows("SELECT total FROM model.t") == ["(20)"])
            let report = try await database.maintenance(history.store).rollBack("model")
            #expect(report.position == 2)
            #expect(try await database.rows("SELECT n FROM model.t") == ["(2)"])
            try await history.tell(views: 1, of: .number(1))
            try await projecting.caughtUp()
            #expect(try await database.rows("SELECT n FROM model.t") == ["(3)"])
            // And back again.
            _ = try await database.maintenance(history.store).rollBack("model")
            #expect(try await database.rows("SELECT total FROM model.t") == ["(30)"])
        }
    }

    @Test func `leaves the model stale, since its folder holds another version`() async throws {
        try await rebuilt { database, history, projecting in
            _ = try await database.maintenance(history.store).rollBack("model")
            #expect(try await ReadModelStatus.readAll(from: database.pool).map(\.isStale) == [true])
        }
    }

    @Test func `is refused when a query does not work with the tables from before`() async throws {
        try await rebuilt { database, history, projecting in
            let maintenance = database.maintenance(history.store, readers: [Statement("sum", "SELECT total FROM model.t")])
            await #expect(throws: MaintenanceError.self) { try await maintenance.rollBack("model") }
            try await history.tell(views: 1, of: .number(1))
            try await projecting.caughtUp()
            #expect(try await database.rows("SELECT total FROM model.t") == ["(30)"])
            // Events that it had caught up with are not applied twice.
            _ = try await database.maintenance(history.store).rollBack("model")
            #expect(try await database.rows("SELECT n FROM model.t") == ["(3)"])
        }
    }

    @Test func `is refused where nothing is kept`() async throws {
        try await rebuilt { database, history, projecting in
            try await database.maintenance(history.store).dropPrevious(of: "model")
            #expect(try await database.schemas() == ["(model)"])
            await #expect(throws: MaintenanceError.nothingKept("model")) { try await database.maintenance(history.store).rollBack("model") }
            await #expect(throws: MaintenanceError.nothingKept("model")) { try await database.maintenance(history.store).dropPrevious(of: "model") }
        }
    }

    @Test func `is refused when the log is not the one that the tables were made from`() async throws {
        try await rebuilt { database, _, _ in
            let other = History()
            for _ in 1...5 { try await other.tell(views: 1, of: .number(1)) }
            await #expect(throws: MaintenanceError.logRewritten("model")) { try await database.maintenance(other.store).rollBack("model") }
        }
    }
}
