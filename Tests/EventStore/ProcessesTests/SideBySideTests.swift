import EventSourcing
import EventStoreTesting
import Foundation
import Logging
import Processes
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Processes side by side` {
    @Test func `do not wait for one whose command takes long`() async throws {
        let slow = OrderWorld(InMemoryEventStore())
        let quick = OrderWorld(slow.log)
        let gate = Signal()
        let manager = GatedOrder(order: OrderProcess(shop: slow.shop), gated: slow.order, gate: gate)
        let runner = ProcessRunner(
            [manager], journal: LogJournal(slow.log), table: MemoryTable(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        for world in [slow, quick] { try await world.happen("OrderPlaced") }
        for event in try await slow.log.read(after: 0, limit: 10) { try await runner.take(event) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run(lookingEvery: .milliseconds(10)) }
            defer { group.cancelAll() }
            try await eventually { try await !quick.state().isOpen }
            #expect(try await slow.state().steps.map(\.status) == [.issued])
            gate.finish()
            try await eventually { try await !slow.state().isOpen }
        }
        #expect(slow.shop.effects.count == 8)
    }

    @Test func `do not wait for those that can't be moved on`() async throws {
        let (broken, whole) = (OrderWorld(InMemoryEventStore()), OrderWorld(InMemoryEventStore()))
        let journal = BrokenJournal(journal: LogJournal(whole.log))
        let table = MemoryTable()
        let runner = ProcessRunner(
            [OrderProcess(shop: whole.shop)], journal: journal, table: table, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await whole.happen("OrderPlaced")
        for event in try await whole.log.read(after: 0, limit: 10) { try await runner.take(event) }
        // More than are worked on at once, and due before.
        for process in [broken.order] + (0..<7).map({ _ in UUID.v7() }) {
            journal.refuse(process)
            let row = ProcessRow(
                id: process, kind: "order", status: "running", step: "s", failures: 0, version: 1, dueAt: Timestamp(milliseconds: 0), stuckAt: nil,
                progressAt: Timestamp(milliseconds: 0))
            try await table.save(row)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run(lookingEvery: .milliseconds(10)) }
            defer { group.cancelAll() }
            try await eventually { try await !whole.state().isOpen }
        }
        #expect(journal.refusals >= 8)
    }

    /// As after a return to an older version of the program.
    @Test func `do not wait for those of a kind that nobody knows`() async throws {
        let world = OrderWorld(InMemoryEventStore())
        let table = MemoryTable()
        for _ in 0..<40 {
            let row = ProcessRow(
                id: .v7(), kind: "unknown", status: "running", step: "s", failures: 0, version: 1, dueAt: Timestamp(milliseconds: 0), stuckAt: nil,
                progressAt: Timestamp(milliseconds: 0))
            try await table.save(row)
        }
        let runner = ProcessRunner(
            [OrderProcess(shop: world.shop)], journal: LogJournal(world.log), table: table,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await world.happen("OrderPlaced")
        for event in try await world.log.read(after: 0, limit: 10) { try await runner.take(event) }
        var turns = 0
        while try await runner.workDue(limit: 16) > 0, turns < 40 { turns += 1 }
        #expect(try await world.state().status == .ended(.completed, reason: nil))
        #expect(turns == 4)
    }
}

/// Some processes' streams can't be read.
private final class BrokenJournal: ProcessJournal {
    struct Unreadable: Error {}

    private let journal: LogJournal
    private let refused = Mutex<(processes: Set<UUID>, count: Int)>(([], 0))

    init(journal: LogJournal) { self.journal = journal }

    var refusals: Int { refused.withLock { $0.count } }

    func refuse(_ process: UUID) { refused.withLock { _ = $0.processes.insert(process) } }

    func load(_ process: UUID) async throws -> [RecordedEvent] {
        let isRefused = refused.withLock { refused in
            guard refused.processes.contains(process) else { return false }
            refused.count += 1
            return true
        }
        if isRefused { throw Unreadable() }
        return try await journal.load(process)
    }

    func append(_ events: [ProcessEvent], to process: UUID, after version: Int, cause: ProcessCause) async throws -> Bool {
        try await journal.append(events, to: process, after: version, cause: cause)
    }
}

/// Orders, one of which has its commands carried out only when the gate is open.
private struct GatedOrder: ProcessManager {
    let order: OrderProcess
    let gated: UUID
    let gate: Signal

    var kind: String { order.kind }
    var patience: Duration { order.patience }
    func messages(in event: RecordedEvent) -> [ProcessMessage] { order.messages(in: event) }
    func decide(_ news: ProcessNews, in state: ProcessState) -> [ProcessDecision] { order.decide(news, in: state) }
    func execute(_ command: ProcessCommand) async throws -> CommandOutcome {
        if command.process == gated { try await gate.wait() }
        return try await order.execute(command)
    }
}
