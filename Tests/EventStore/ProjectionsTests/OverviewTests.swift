import EventSourcing
import FoundationEssentials
import Publishing
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `The overview of read models` {
    @Test func `tells position, holder and what is parked`() async throws {
        let history = History()
        for _ in 1...7 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await database.lengthenLeases()
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    let statuses = try await ReadModelStatus.readAll(from: database.pool)
                    #expect(statuses.map(\.model) == ["model"])
                    #expect(statuses.map(\.position) == [7])
                    #expect(statuses.map(\.parkedStreams) == [1])
                    #expect(statuses[0].leaseHolder != nil)
                }
                #expect(try await ReadModelStatus.readAll(from: database.pool).map(\.leaseHolder) == [nil])
            }
        }
    }

    /// As heartbeats would come, each so many seconds after the one before.
    private func heartbeats(_ seconds: [Int], in database: ReadDatabase) async throws -> [Double] {
        var rates: [Double] = []
        for pause in seconds {
            try await database.run(
                """
                UPDATE annals.checkpoints SET rated_at = clock_timestamp() - interval '\(pause) seconds';
                SELECT annals.renew_leases('me', ARRAY['view_counts'])
                """)
            rates += try await ReadModelStatus.readAll(from: database.pool).filter { $0.model == "view_counts" }.map(\.rate)
        }
        return rates
    }

    @Test func `tells the rate of the last few heartbeats, from the taking of the lease on`() async throws {
        let history = History()
        for _ in 1...50 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            // Nobody was there for an hour.
            try await database.run("UPDATE annals.checkpoints SET rated_position = 0, rated_at = now() - interval '1 hour', rate = 7")
            try await database.run("SELECT annals.acquire_lease('view_counts', 'me')")
            #expect(try await heartbeats([1], in: database) == [0])

            try await database.run("UPDATE annals.checkpoints SET position = position + 60 WHERE model = 'view_counts'")
            let rates = try await heartbeats([1, 1, 1], in: database)
            #expect(rates[0] > 1 && rates[0] < 60, "\(rates)")
            #expect(rates[1] < rates[0] && rates[2] < rates[1] && rates[2] > 1, "\(rates)")
            let idle = try await heartbeats(Array(repeating: 1, count: 60) + [86_400], in: database)
            #expect(idle.last == 0 && idle[59] == 0, "\(idle)")
        }
    }

    @Test func `calls a model behind that stays where it is while the log goes on`() async throws {
        let history = History()
        try await history.tell(views: 1, of: .number(1))
        try await withReadDatabase { database in
            try await database.lengthenLeases()
            try await project(history.store, into: database) { projecting in
                try await projecting.caughtUp()
                let statuses = try await ReadModelStatus.readAll(from: database.pool)
                let status = try #require(statuses.first)
                let moved = status.updatedAt
                let before = moved.advanced(by: .seconds(-60))
                #expect(status.state(firstWaiting: nil, at: moved.advanced(by: .seconds(3600))) == .current)
                #expect(status.state(firstWaiting: before, at: moved.advanced(by: .seconds(9))) == .current)
                #expect(status.state(firstWaiting: before, at: moved.advanced(by: .seconds(10))) == .behind)
                #expect(status.beside(folderVersion: "other").state(firstWaiting: before, at: moved.advanced(by: .seconds(10))) == .behind)
                let late = moved.advanced(by: .seconds(3595))
                #expect(status.state(firstWaiting: late, at: moved.advanced(by: .seconds(3600))) == .current)
            }
        }
    }
}
