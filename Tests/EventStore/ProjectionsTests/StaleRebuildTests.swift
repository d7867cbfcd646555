import EventSourcing
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

/// The lock that maintenance of the model holds.
private let lock = "SELECT pg_advisory_xact_lock(hashtextextended('annals.maintenance.model', 0))"

@Suite(.timeLimit(.minutes(15))) struct `Read models that are rebuilt by themselves` {
    private func withOldTables(_ body: @escaping @Sendable (ReadDatabase, History) async throws -> Void) async throws {
        let history = History()
        for _ in 1...3 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
            }
            try await body(database, history)
        }
    }

    @Test func `are found stale before any projector has noted what their folder holds`() async throws {
        try await withOldTables { database, history in
            let rebuilds = StaleRebuilds(
                of: [try .viewSums("total")], database.maintenance(history.store), pool: database.pool, firstPause: .milliseconds(1), logger: .silent)
            try await rebuilds.run()
            #expect(try await database.rows("SELECT total FROM model.t") == ["(3)"])
            // Nothing is left to do.
            try await rebuilds.run()
            #expect(try await database.rows("SELECT count(*) FROM annals.builds") == ["(1)"])
        }
    }

    @Test func `are tried again when a rebuild has failed`() async throws {
        try await withOldTables { database, history in
            let log = SpokenLog()
            let rebuilds = StaleRebuilds(
                of: [try .viewSums("total")], database.maintenance(history.store), pool: database.pool, firstPause: .milliseconds(1),
                logger: log.logger)
            let (locked, signal) = AsyncStream<Void>.makeStream()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await database.pool.withTransaction { session in
                        try await session.execute(script: lock)
                        signal.finish()
                        _ = await log.line(with: "could not be rebuilt")
                    }
                }
                for await _ in locked {}
                group.addTask { try await rebuilds.run() }
                try await group.waitForAll()
            }
            #expect(try await database.rows("SELECT total FROM model.t") == ["(3)"])
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `What an interrupted rebuild has left` {
    @Test func `is dropped by the projectors' process, unless it is at work`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await withProjections(["model": ReadModel.viewSums("n")]) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
                let model: ReadModel = try .viewSums("total")
                let version = try await model.version(by: database.pool)
                _ = try await OfflineBuild.create(model, version: version, for: .rebuild, in: database.pool)
                try await database.pool.withTransaction { session in
                    try await session.execute(script: lock)
                    try await LeftoverRemoval(database.pool, logger: .silent).removeAll()
                }
                #expect(try await database.schemas().count == 2)
                let log = SpokenLog()
                try await project(history.store, into: database, folder: folder, logger: log.logger) { _ in
                    #expect(await log.line(with: "dropped tables that an interrupted maintenance has left") != nil)
                }
                #expect(try await database.schemas() == ["(model)"])
            }
        }
    }
}
