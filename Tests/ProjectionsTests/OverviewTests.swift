import EventSourcing
import FoundationEssentials
import Publishing
import Testing

@testable import Projections

@Suite struct `The overview of read models` {
    @Test func `tells position, holder and what is parked`() async throws {
        let history = History()
        for _ in 1...7 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await withProjections(PickyModel.folder) { folder in
                try await project(history.store, into: database, folder: folder) { projecting in
                    try await projecting.caughtUp()
                    let overview = try await ReadModelOverview.readAll(from: database.pool)
                    #expect(overview.map(\.status.model) == ["model"])
                    #expect(overview.map(\.status.position) == [7])
                    #expect(overview.map(\.status.parkedStreams) == [1])
                    #expect(overview[0].leaseHolder != nil)
                }
                #expect(try await ReadModelOverview.readAll(from: database.pool).map(\.leaseHolder) == [nil])
            }
        }
    }

    @Test func `tells the rate between two heartbeats`() async throws {
        let history = History()
        for _ in 1...50 { try await history.tell(views: 1, of: .number(1)) }
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            try await database.run(
                """
                UPDATE annals.checkpoints SET lease_holder = 'me', lease_expires_at = now() + interval '1 hour', rated_position = 0, rated_at = now();
                UPDATE annals.checkpoints SET rated_at = clock_timestamp() - interval '5 seconds';
                SELECT annals.renew_leases('me', ARRAY['posts', 'users', 'view_counts']);
                """)
            let rates = try await ReadModelOverview.readAll(from: database.pool).map(\.rate)
            #expect(rates.allSatisfy { $0 > 1 && $0 <= 10 }, "\(rates)")
            // Nothing has come since.
            try await database.run("SELECT annals.renew_leases('me', ARRAY['posts', 'users', 'view_counts'])")
            #expect(try await ReadModelOverview.readAll(from: database.pool).map(\.rate) == [0, 0, 0])
        }
    }
}
