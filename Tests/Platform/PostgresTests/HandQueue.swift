import Postgres
import Synchronization

/// A queue whose calls wait until the test runs them.
final class HandQueue: Sendable {
    private let state = Mutex<(waiting: [@Sendable () -> Void], sizes: [Int])>(([], []))

    var queue: ReplyQueue {
        ReplyQueue(name: ObjectIdentifier(self)) { calls in
            self.state.withLock { state in
                state.waiting += calls
                state.sizes.append(calls.count)
            }
        }
    }

    /// How many calls wait.
    var count: Int { state.withLock { $0.waiting.count } }

    /// How many calls came at a time.
    var sizes: [Int] { state.withLock { $0.sizes } }

    func run() {
        let calls = state.withLock { state in
            let calls = state.waiting
            state.waiting = []
            return calls
        }
        for call in calls { call() }
    }
}

/// The answers of reads, by the numbers that the test gave them.
final class Answers: Sendable {
    private let found = Mutex<[(number: Int32, outcome: Result<Int32, PostgresError>)]>([])

    var all: [(number: Int32, outcome: Result<Int32, PostgresError>)] { found.withLock { $0 } }

    var values: [Int32?] { all.map { try? $0.outcome.get() } }

    var kinds: [PostgresError.Kind?] {
        all.map { answer in
            if case .failure(let error) = answer.outcome { error.kind } else { nil }
        }
    }

    func take(_ number: Int32) -> @Sendable (Result<QueryResult, PostgresError>) -> Void {
        { result in
            // Not every statement of these tests answers a number.
            let outcome = result.map { rows in (try? rows[0].get(0, as: Int32.self)) ?? 0 }
            self.found.withLock { $0.append((number, outcome)) }
        }
    }
}
