import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import Logging
import Postgres
import Processes
import Subscribers
import Testing

/// The events of orders and of processes.
private let catalog = EventCatalog(
    [EventSchema("OrderPlaced", in: "order", [.open("paidBy", .timestamp)]), EventSchema("OrderWithdrawn", in: "order", [])] + ProcessEvent.schemas)
private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

@Suite(.timeLimit(.minutes(5))) struct `Processes on PostgreSQL` {
    @Test(arguments: ["", "confirm"]) func `that are killed at any boundary end once`(refused: String) async throws {
        try await LogUnderTest.open(catalog) { log in
            try await log.withPool(as: "annals_relay") { pool in
                var boundaries = 0
                var left: Int?
                var effects: [String] = []
                repeat {
                    let row = try await pool.query(Statement("lease", "SELECT * FROM relay.acquire_lease('processes', 'test')")).first
                    let lease = try #require(row)
                    let held = SubscriberLease(name: "processes", token: try lease.get(0), position: try lease.get(1), event: try lease.get(2))
                    let world = OrderWorld(log.store) { PostgresProcessTable(pool, under: held) }
                    world.shop.refuse(refused)
                    try await world.happen("OrderPlaced")
                    world.shop.crash(after: left)
                    try await world.run()
                    if left == nil { (boundaries, effects) = (world.shop.boundaries, world.shop.effects) }
                    #expect(world.shop.effects == effects, "killed after \(left ?? -1) boundaries")
                    #expect(try await !world.state().isOpen)
                    left = (left ?? -1) + 1
                } while left ?? 0 < min(boundaries, 12)
                #expect(boundaries > 10)
            }
        }
    }

    @Test func `write no row under a lease that is lost`() async throws {
        try await LogUnderTest.open(catalog) { log in
            try await log.withPool(as: "annals_relay") { pool in
                let take = Statement("lease", "SELECT * FROM relay.acquire_lease('processes', 'test')")
                let first = try #require(try await pool.query(take).first?.get(0, as: Int64.self))
                try await pool.query(take)
                let table = PostgresProcessTable(pool, under: SubscriberLease(name: "processes", token: first, position: 0, event: nil))
                let row = ProcessRow(
                    id: .v7(), kind: "order", status: "running", step: nil, failures: 0, version: 1, dueAt: .now, stuckAt: nil, progressAt: .now)
                await #expect(throws: PostgresError.self) { try await table.save(row) }
                #expect(try await table.due(at: .now, limit: 10).isEmpty)
            }
        }
    }
}
