import EventSourcing
import FoundationEssentials
import Publishing
import TestSupport
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `A projector that has stopped` {
    /// The one model's status once it is so.
    private func status(of database: ReadDatabase, when isSo: (ReadModelStatus) -> Bool) async throws -> ReadModelStatus? {
        var found: ReadModelStatus?
        try await eventually {
            found = try await ReadModelStatus.readAll(from: database.pool).first(where: isSo)
            return found != nil
        }
        return found
    }

    private func views(_ count: Int, of post: UInt64 = 1) async throws -> History {
        let history = History()
        for _ in 0..<count { try await history.tell(views: 1, of: .number(post)) }
        return history
    }

    @Test func `says so in the database, until a projector goes on`() async throws {
        let history = History()
        for post in UInt64(1)...22 { try await history.tell(views: 6, of: .number(post)) }
        try await withReadDatabase { database in
            try await database.countFailuresForLong()
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { _ in
                    let stopped = try await status(of: database) { $0.stoppedReason != nil }
                    #expect(stopped?.stoppedReason?.hasPrefix("more than 20 streams failed") == true)
                    #expect(stopped?.state == .stopped && stopped?.hasDiverged == false)
                }
                try await database.run(PickyModel.mending)
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    try await eventually { try await ReadModelStatus.readAll(from: database.pool).map(\.state) == [.current] }
                }
                #expect(try await ReadModelStatus.readAll(from: database.pool).map(\.state) == [.unattended])
            }
        }
    }

    @Test func `begins again when the model has been rebuilt`() async throws {
        let (history, restored) = (try await views(3), try await views(1, of: 2))
        try await withReadDatabase { database in
            try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
                let log = SpokenLog()
                try await project(restored.store, into: database, folder: folder, logger: log.logger) { projecting in
                    _ = await log.line(with: "critical the projector has stopped")
                    let stopped = try await status(of: database) { $0.stoppedReason != nil }
                    #expect(stopped?.hasDiverged == true)
                    _ = try await database.maintenance(restored.store).rebuild(.viewSums())
                    #expect(try await ReadModelStatus.readAll(from: database.pool).map(\.stoppedReason) == [nil])
                    #expect(await log.line(with: "the projector begins again") != nil)
                    for _ in 1...4 { try await restored.tell(views: 1, of: .number(2)) }
                    try await projecting.caughtUp()
                    #expect(try await database.rows("SELECT n FROM model.t") == ["(5)"])
                    try await eventually { try await ReadModelStatus.readAll(from: database.pool).map(\.state) == [.current] }
                }
            }
        }
    }

    @Test(arguments: [0, 2, 5]) func `has noticed a log that was restored while it waited`(events: Int) async throws {
        let (history, restored) = (try await views(3), try await views(events, of: 2))
        try await withReadDatabase { database in
            try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
                let store = RestorableLog(history.store)
                try await project(store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    store.restore(restored.store)
                    let stopped = try await status(of: database) { $0.stoppedReason != nil }
                    #expect(stopped?.hasDiverged == true && stopped?.position == 3)
                    // Kept pages of the old log are not taken for the new one's.
                    _ = try await database.maintenance(store).rebuild(.viewSums())
                    for _ in 1...4 { try await restored.tell(views: 1, of: .number(2)) }
                    try await projecting.caughtUp()
                    #expect(try await database.rows("SELECT right(id::text, 1), n FROM model.t") == ["(2,\(events + 4))"])
                }
            }
        }
    }
}
