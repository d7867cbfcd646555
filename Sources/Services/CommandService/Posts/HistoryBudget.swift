import FoundationEssentials
import HTTPContract
import Synchronization

/// Bounds what reads of history hold in memory: each may take some megabytes, and so only a few run at once, of one user and in all.
final class HistoryBudget: Sendable {
    private struct Running {
        var total = 0
        var byUser: [UUID: Int] = [:]
    }

    private let perUser: Int
    private let total: Int
    private let running = Mutex(Running())

    init(perUser: Int = 4, total: Int = 32) {
        self.perUser = perUser
        self.total = total
    }

    /// Runs one read. 503 when too many run.
    func spend<Value>(for user: UUID, _ read: () async throws -> Value) async throws -> Value {
        let isAdmitted = running.withLock { running in
            guard running.total < total, running.byUser[user, default: 0] < perUser else { return false }
            running.total += 1
            running.byUser[user, default: 0] += 1
            return true
        }
        guard isAdmitted else { throw Problem.unavailable("Too many reads of history are under way. Ask for one after the other.", retryAfter: 1) }
        defer {
            running.withLock { running in
                running.total -= 1
                running.byUser[user] = running.byUser[user].flatMap { $0 > 1 ? $0 - 1 : nil }
            }
        }
        return try await read()
    }
}
