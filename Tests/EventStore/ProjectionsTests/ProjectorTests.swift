import EventSourcing
import FoundationEssentials
import Logging
import Postgres
import Publishing
import TestSupport
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `A projector` {
    @Test func `goes on after a restart where it was`() async throws {
        let history = History()
        try await withReadDatabase { database in
            for round in 1...3 {
                for _ in 1...10 { try await history.tell(views: 1, of: .number(1)) }
                try await project(history.store, into: database) { try await $0.caughtUp() }
                #expect(try await database.rows("SELECT count FROM view_counts.total") == ["(\(round * 10))"])
            }
        }
    }

    @Test func `goes on when its connections are killed, with each event's effect once`() async throws {
        let history = History()
        try await withReadDatabase { database in
            try await project(history.store, into: database) { projecting in
                for _ in 1...20 {
                    for _ in 1...20 { try await history.tell(views: 1, of: .number(1)) }
                    try await database.run(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name LIKE 'annals projector%'
                        """)
                }
                try await projecting.caughtUp()
            }
            #expect(try await database.rows("SELECT count FROM view_counts.total") == ["(400)"])
        }
    }

    @Test func `passes over events that its folder has no file for`() async throws {
        let history = History()
        try await history.tell(.registered(username: .known("ann"), email: .known("a@b.c"), role: .user), of: .number(1))
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { try await $0.caughtUp() }
                #expect(try await database.rows("SELECT position, (SELECT count(*) FROM model.t) FROM annals.checkpoints") == ["(1,0)"])
            }
        }
    }

    @Test func `stops at a gap in the log instead of passing over it`() async throws {
        let history = History()
        for _ in 1...5 { try await history.tell(views: 1, of: .number(1)) }
        let log = SpokenLog()
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                let store = AlteredLog(history.store) { page in page.filter { $0.position != 3 } }
                try await project(store, into: database, folder: folder, logger: log.logger) { projecting in
                    #expect(await log.line(with: "critical the projector has stopped") != nil)
                    try await eventually { projecting.group.statuses.map(\.state) == [.stopped(reason: "the log is broken: position 4 follows 2")] }
                }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A checkpoint` {
    private func checkpoint(at position: Int64, in database: ReadDatabase, leasesLater: Int64 = 0) async throws -> ProjectionCheckpoint {
        let stored = try #require(try await ProjectionCheckpoint.read("view_counts", from: database.pool))
        return ProjectionCheckpoint(
            model: "view_counts", version: stored.version, build: stored.build, position: position, eventID: .v7(), lease: stored.lease + leasesLater)
    }

    @Test(arguments: [(1, 0), (3, 0), (2, 1)] as [(Int64, Int64)])
    func `does not move for a projector that believes it elsewhere, nor anything with it`(position: Int64, leasesLater: Int64) async throws {
        let history = History()
        for _ in 1...2 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            let before = try await database.rows("SELECT * FROM annals.checkpoints") + database.everything()
            let late = try await checkpoint(at: position, in: database, leasesLater: leasesLater)
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.atomically([
                    late.advance(to: 9, .v7()),
                    Query(Statement("write", "UPDATE view_counts.total SET count = 99")),
                ])
            }
            #expect(error?.sqlState == .checkpointMoved)
            #expect(error?.failedQuery == 0)
            #expect(try await database.rows("SELECT * FROM annals.checkpoints") + database.everything() == before)
        }
    }

    @Test func `does not move for another version`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            let stored = try await checkpoint(at: 1, in: database)
            let other = ProjectionCheckpoint(
                model: "view_counts", version: "other", build: stored.build, position: 1, eventID: .v7(), lease: stored.lease)
            let error = await #expect(throws: PostgresError.self) { try await database.pool.atomically([other.advance(to: 2, .v7())]) }
            #expect(error?.sqlState == .checkpointMoved)
        }
    }
}
