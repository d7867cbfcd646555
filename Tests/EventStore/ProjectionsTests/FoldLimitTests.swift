import EventSourcing
import FoundationEssentials
import Publishing
import Synchronization
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `A fold of a log with many events at fault` {
    private func parkAnew(_ position: Int64, _ stream: UInt64) -> String {
        """
        INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state)
        SELECT build, \(position), '\(StreamName("views", .number(stream)))', '\(UUID.number(stream).lowercased)', 'PostViewed', 'discarded'
        FROM annals.checkpoints
        """
    }

    @Test func `is not given up for streams that the live tables lack too`() async throws {
        let history = History()
        for post in UInt64(1)...22 { try await history.tell(views: 1, of: .number(post)) }
        try await withReadDatabase { database in
            try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
            }
            for post in UInt64(1)...22 { try await database.run(parkAnew(Int64(post), post)) }
            let report = try await database.maintenance(history.store).rebuild(.viewSums(constraint: "CHECK (n < 0)"))
            #expect(report.parkedStreams == 22)
        }
    }

    @Test func `that the live tables have taken is a difference`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await database.countFailuresForLong()
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await database.run(PickyModel.mending)
                    for post in UInt64(1)...22 { try await history.tell(views: 6, of: .number(post)) }
                    try await projecting.caughtUp()
                    let report = try await database.maintenance(history.store).verify("model", workers: 1)
                    #expect(!report.hasEqualRows)
                    #expect(report.unappliable.last?.contains("23514 few_views") == true)
                }
            }
        }
    }

    @Test func `comes to its end while a parked stream goes on growing`() async throws {
        let history = History()
        for _ in 1...8 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    let log = ObservedLog(history.store) {
                        // While the verification holds the checkpoint nobody could catch up.
                        let isFree = try await database.lines("SELECT model FROM annals.checkpoints FOR UPDATE SKIP LOCKED") == ["model"]
                        try await history.tell(views: 1, of: .number(1))
                        if isFree { try await projecting.caughtUp() }
                    }
                    let report = try await database.maintenance(log).verify("model")
                    #expect(report.hasEqualRows && report.parked == [StreamName("views", .number(1))])
                    #expect(report.position > 8)
                }
            }
        }
    }

    @Test func `is given up when what is parked is changed again and again`() async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
            }
            let next = Mutex<Int64>(0)
            let log = ObservedLog(history.store) {
                let position = next.withLock { position in
                    position -= 1
                    return position
                }
                try await database.run(parkAnew(position, 7))
            }
            await #expect(throws: MaintenanceError.unsettled("model")) { try await database.maintenance(log).verify("model") }
            #expect(try await database.schemas() == ["(model)"])
        }
    }
}
