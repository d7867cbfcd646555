package import EventSourcing
package import FoundationEssentials
package import Processes
import Synchronization

/// The rows of processes, in memory.
package final class MemoryTable: ProcessTable {
    private let contents = Mutex<[UUID: ProcessRow]>([:])

    package init() {}

    package func save(_ row: ProcessRow) async throws {
        contents.withLock { if $0[row.id]?.version ?? 0 < row.version { $0[row.id] = row } }
    }

    package func due(at time: Timestamp, limit: Int) async throws -> [UUID] {
        contents.withLock { rows in rows.values.filter { $0.dueAt.map { $0 <= time } ?? false }.map(\.id) }
    }
}
