import EventSourcing
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A signal` {
    private let signal = Signal()

    private func waitUntilWaiting(_ count: Int) async throws {
        try await eventually { signal.waiterCount >= count }
    }

    @Test func `ends a wait`() async throws {
        async let wait: Void = signal.wait()
        try await waitUntilWaiting(1)
        signal.raise()
        try await wait
        #expect(signal.waiterCount == 0)
    }

    @Test func `that was raised before the wait ends it at once, and only it`() async throws {
        signal.raise()
        signal.raise()
        try await signal.wait()
        async let second: Void = signal.wait()
        try await waitUntilWaiting(1)
        signal.raise()
        try await second
    }

    @Test func `ends one wait of many, the one that began first`() async throws {
        try await withThrowingTaskGroup(of: Int.self) { group async throws in
            for number in 1...20 {
                group.addTask {
                    try await signal.wait()
                    return number
                }
                try await waitUntilWaiting(number)
            }
            for number in 1...20 {
                signal.raise()
                #expect(try await group.next() == number)
                #expect(signal.waiterCount == 20 - number)
            }
        }
    }

    @Test func `that is finished ends all waits and every later one`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group async throws in
            for _ in 0..<20 { group.addTask { try await signal.wait() } }
            try await waitUntilWaiting(20)
            signal.finish()
            try await group.waitForAll()
        }
        try await signal.wait()
        try await signal.wait()
    }

    @Test func `is kept for another when the wait was cancelled before it began`() async throws {
        signal.raise()
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group async throws in
                group.cancelAll()
                group.addTask { try await signal.wait() }
                try await group.waitForAll()
            }
        }
        try await signal.wait()
    }

    @Test func `is not taken by a wait that is cancelled while it lasts`() async throws {
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group async throws in
                group.addTask { try await signal.wait() }
                try await waitUntilWaiting(1)
                group.cancelAll()
                try await group.waitForAll()
            }
        }
        #expect(signal.waiterCount == 0)
        signal.raise()
        try await signal.wait()
    }

    @Test func `that came before a cancellation counts`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group async throws in
            group.addTask { try await signal.wait() }
            try await waitUntilWaiting(1)
            signal.raise()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func `is lost by nobody when waits, signals and cancellations cross`() async throws {
        for _ in 0..<2_000 {
            let signal = Signal()
            let ended = await withTaskGroup(of: Bool.self) { group in
                group.addTask { (try? await signal.wait()) != nil }
                group.addTask {
                    signal.raise()
                    return false
                }
                let first = await group.next() ?? false
                group.cancelAll()
                return await group.reduce(first) { $0 || $1 }
            }
            // A cancelled wait has left the signal to this one.
            if ended { signal.raise() }
            try await signal.wait()
            #expect(signal.waiterCount == 0)
        }
    }
}
