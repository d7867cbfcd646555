package import EventSourcing
package import FoundationEssentials
package import Processes
import Synchronization

/// The rows of processes, in memory.
package final class MemoryTable: ProcessTable {
    private let contents = Mutex<[UUID: ProcessRow]>([:])

    package init() {}

    package func save(_ row: ProcessRow) async throws {
        contents.withLock { if $0[row.id]?.version ?? 0 <= row.version { $0[row.id] = row } }
    }

    package func due(at time: Timestamp, of kinds: [String], limit: Int) async throws -> [UUID] {
        contents.withLock { rows in
            let due = rows.values.filter { row in kinds.contains(row.kind) && row.dueAt.map { $0 <= time } ?? false }
            return due.sorted { ($0.dueAt ?? time) < ($1.dueAt ?? time) }.prefix(limit).map(\.id)
        }
    }
}
