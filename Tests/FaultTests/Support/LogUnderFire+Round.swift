import EventLog
import EventLogTesting
import EventSourcing
import TestSupport

extension LogUnderFire {
    /// One round: all writers write while a reader follows, and what is to go wrong goes wrong. Returns what happened and what the follower saw.
    func round(_ fault: Fault, _ load: Load, seed: UInt64) async throws -> (round: Round, followed: [RecordedEvent]) {
        let start = try await patiently { try await reader.head() }
        let book = Book()
        let follower = Follower(reader, after: start)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.run() }
            try await write(load, seed: seed, into: book, while: fault)
            // An append that a killed process has left waiting in the server comes before this.
            try await AppendLock.held(in: server.log) { _ in }
            try await follower.reached(try await patiently { try await reader.head() })
            group.cancelAll()
        }
        return (Round(start: start, calls: book.calls, events: try await events(after: start), isCalm: fault == .none), follower.events)
    }

    private func write(_ load: Load, seed: UInt64, into book: Book, while fault: Fault) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await load.write(by: writers, seed: seed, into: book) }
            group.addTask {
                var random = SeededRandom(seed: ~seed)
                // At any time but the very end, where nothing would be under way.
                let moments = (0..<fault.count).map { _ in Int64.random(in: 1...Int64(load.requests * 8 / 10), using: &random) }.sorted()
                for moment in moments {
                    try await book.answered.reached(moment)
                    try await fault.strike(self, using: &random)
                }
            }
            try await group.waitForAll()
        }
    }
}
