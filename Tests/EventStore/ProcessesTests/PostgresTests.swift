import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import Logging
import Postgres
import Processes
import Subscribers
import TestSupport
import Testing

/// The events of orders and of processes.
private let catalog = EventCatalog(
    [EventSchema("OrderPlaced", in: "order", [.open("paidBy", .timestamp)]), EventSchema("OrderWithdrawn", in: "order", [])] + ProcessEvent.schemas)
private let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

@Suite(.timeLimit(.minutes(15))) struct `Processes on PostgreSQL` {
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

    @Test func `that make no progress are counted and named where they are run`() async throws {
        try await LogUnderTest.open(catalog) { log in
            try await log.withPool(as: "annals_relay") { pool in
                let world = OrderWorld(log.store)
                world.shop.setAway(["charge"])
                func subscriber() -> ProcessSubscriber {
                    ProcessSubscriber(
                        [ImpatientOrder(order: OrderProcess(shop: world.shop))], log: log.store, journal: LogJournal(log.store), pool: pool,
                        logger: silent)
                }
                let (processes, another) = (subscriber(), subscriber())
                try await world.happen("OrderPlaced")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await processes.run() }
                    defer { group.cancelAll() }
                    try await eventually { processes.census.stuck.map(\.id) == [world.order] && processes.census.counts.map(\.stuck) == [1] }
                    #expect(processes.census.counts.map(\.running) == [1])
                    #expect(processes.census.counts.compactMap(\.stuckSince) == processes.census.stuck.map(\.since))
                    #expect(try await another.stuck().map(\.id) == [world.order])
                    #expect(another.census.counts.isEmpty)
                    world.shop.setAway([])
                    try await eventually { processes.census.counts.map(\.running) == [0] }
                    #expect(processes.census.stuck.isEmpty && processes.census.counts.map(\.stuck) == [0])
                    #expect(processes.census.counts.compactMap(\.stuckSince).isEmpty)
                }
                #expect(processes.census.counts.isEmpty)
                await processes.release()
            }
        }
    }

    @Test func `are due by their kinds, and a row follows its stream`() async throws {
        try await LogUnderTest.open(catalog) { log in
            try await log.withPool(as: "annals_relay") { pool in
                let take = Statement("lease", "SELECT * FROM relay.acquire_lease('processes', 'test')")
                let token = try #require(try await pool.query(take).first?.get(0, as: Int64.self))
                let table = PostgresProcessTable(pool, under: SubscriberLease(name: "processes", token: token, position: 0, event: nil))
                let (order, stranger) = (UUID.v7(), UUID.v7())
                func save(_ id: UUID, _ kind: String, version: Int, dueAt: Timestamp?) async throws {
                    let row = ProcessRow(
                        id: id, kind: kind, status: "running", step: nil, failures: 0, version: version, dueAt: dueAt, stuckAt: nil, progressAt: .now)
                    try await table.save(row)
                }
                let now = Timestamp.now
                try await save(stranger, "unknown", version: 1, dueAt: now.advanced(by: .seconds(-60)))
                try await save(order, "order", version: 2, dueAt: now)
                #expect(try await table.due(at: now, of: ["order"], limit: 1) == [order])
                // Of the same events another version of the program may read another time; of earlier ones nothing is taken.
                try await save(order, "order", version: 1, dueAt: nil)
                #expect(try await table.due(at: now, of: ["order"], limit: 1) == [order])
                try await save(order, "order", version: 2, dueAt: nil)
                #expect(try await table.due(at: now, of: ["order"], limit: 1).isEmpty)
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
                #expect(try await table.due(at: .now, of: ["order"], limit: 10).isEmpty)
            }
        }
    }
}

/// An order that is stuck as soon as a moment has passed without progress.
private struct ImpatientOrder: ProcessManager {
    let order: OrderProcess

    var kind: String { order.kind }
    var patience: Duration { .milliseconds(1) }
    func messages(in event: RecordedEvent) -> [ProcessMessage] { order.messages(in: event) }
    func decide(_ news: ProcessNews, in state: ProcessState) -> [ProcessDecision] { order.decide(news, in: state) }
    func execute(_ command: ProcessCommand) async throws -> CommandOutcome { try await order.execute(command) }
}
