import EventSourcing
import EventStoreTesting
import Foundation
import JSON
import Logging
import Processes
import Synchronization

/// A log with one order on it, and processes that may be killed at any boundary.
final class OrderWorld: Sendable {
    let shop = Shop()
    let order = UUID.v7()
    let log: any EventStore
    private let makeTable: @Sendable () -> any ProcessTable
    private let time = Mutex(Timestamp.now)
    private let table: Mutex<any ProcessTable>

    init(_ log: any EventStore, table: @escaping @Sendable () -> any ProcessTable = { MemoryTable() }) {
        self.log = log
        makeTable = table
        self.table = Mutex(table())
    }

    var now: Timestamp { time.withLock { max($0, .now) } }
    func pass(_ duration: Duration) { time.withLock { $0 = max($0, .now).advanced(by: duration) } }

    func happen(_ type: String, _ data: JSONObject = [:], to order: UUID? = nil) async throws {
        let key = CommandReceipt.Key.unrepeated()
        let event = NewEvent(type: type, schemaVersion: 1, data: data)
        _ = try await log.append(
            AppendRequest(
                [StreamAppend([event], to: StreamName("order", order ?? self.order), expecting: .any, sealedFor: nil)], claims: [], command: key,
                metadata: EventMetadata(command: key.id, correlation: "the-request")))
    }

    /// Runs until nothing is due. After a crash another process goes on; without its table it takes the log from the start.
    func run(losingRows: Bool = false) async throws {
        while true {
            do {
                let runner = runner
                for event in try await log.read(after: 0, limit: 1000) { try await runner.take(event) }
                while try await runner.workDue() > 0 {}
                return
            } catch is Shop.Crash {
                if losingRows { table.withLock { $0 = makeTable() } }
            }
        }
    }

    private var runner: ProcessRunner {
        let table = table.withLock { $0 }
        let log = log
        return ProcessRunner(
            [KillableManager(shop)], journal: KillableJournal(LogJournal(log), shop), table: KillableTable(table, shop), now: { self.now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    func state() async throws -> ProcessState {
        try ProcessState(try await log.load(StreamName(ProcessEvent.category, order)).events)
    }

    func events() async throws -> [String] { try await log.load(StreamName(ProcessEvent.category, order)).events.map(\.type) }

    func ask(_ request: ProcessRequest) async throws {
        let state = try await state()
        let events = try ProcessRules(OrderProcess(shop: shop)).decide(request, in: state, retryAt: now)
        _ = try await LogJournal(log).append(events, to: order, after: state.version, cause: ProcessCause())
    }
}

/// Each of these may die before and after it does its work.
private struct KillableManager: ProcessManager {
    let manager: OrderProcess
    init(_ shop: Shop) { manager = OrderProcess(shop: shop) }
    var kind: String { manager.kind }
    var patience: Duration { manager.patience }
    func messages(in event: RecordedEvent) -> [ProcessMessage] { manager.messages(in: event) }
    func decide(_ news: ProcessNews, in state: ProcessState) -> [ProcessDecision] { manager.decide(news, in: state) }
    func execute(_ command: ProcessCommand) async throws -> CommandOutcome { try await manager.execute(command) }
}

private struct KillableJournal: ProcessJournal {
    let journal: LogJournal
    let shop: Shop
    init(_ journal: LogJournal, _ shop: Shop) { (self.journal, self.shop) = (journal, shop) }

    func load(_ process: UUID) async throws -> [RecordedEvent] { try await journal.load(process) }

    func append(_ events: [ProcessEvent], to process: UUID, after version: Int, cause: ProcessCause) async throws -> Bool {
        // A command was carried out, and nobody has recorded it.
        try shop.boundary()
        let isAppended = try await journal.append(events, to: process, after: version, cause: cause)
        // It is recorded, and there is no row of it.
        try shop.boundary()
        return isAppended
    }
}

private struct KillableTable: ProcessTable {
    let table: any ProcessTable
    let shop: Shop
    init(_ table: any ProcessTable, _ shop: Shop) { (self.table, self.shop) = (table, shop) }

    func save(_ row: ProcessRow) async throws {
        try await table.save(row)
        try shop.boundary()
    }

    func due(at time: Timestamp, of kinds: [String], limit: Int) async throws -> [UUID] { try await table.due(at: time, of: kinds, limit: limit) }
}
