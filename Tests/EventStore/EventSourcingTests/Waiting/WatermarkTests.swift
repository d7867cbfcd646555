import EventSourcing
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A watermark` {
    private let watermark = Watermark()

    private func waitUntilWaiting(_ count: Int) async throws {
        try await eventually { watermark.waiterCount >= count }
    }

    @Test func `that is high enough is not waited for`() async throws {
        watermark.advance(to: 5)
        #expect(try await watermark.wait(for: 5))
        #expect(try await watermark.wait(for: 0))
    }

    @Test func `ends a wait when it reaches the position, not before`() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group async throws in
            group.addTask { try await watermark.wait(for: 5) }
            try await waitUntilWaiting(1)
            watermark.advance(to: 4)
            #expect(watermark.waiterCount == 1)
            watermark.advance(to: 6)
            #expect(try await group.next() == true)
        }
    }

    @Test func `ends among many waits exactly those that it has reached`() async throws {
        try await withThrowingTaskGroup(of: Int64.self) { group async throws in
            for position in (Int64(1)...200).shuffled() {
                group.addTask {
                    _ = try await watermark.wait(for: position)
                    return position
                }
            }
            try await waitUntilWaiting(200)
            for step in Int64(1)...4 {
                watermark.advance(to: step * 50)
                #expect(watermark.waiterCount == 200 - Int(step) * 50)
                var reached: Set<Int64> = []
                while reached.count < 50, let position = try await group.next() { reached.insert(position) }
                #expect(reached == Set((step - 1) * 50 + 1...step * 50))
            }
        }
    }

    @Test func `never falls by advancing`() {
        watermark.advance(to: 5)
        watermark.advance(to: 3)
        #expect(watermark.position == 5)
    }

    @Test func `that falls tells those who wait for the next position, and no others`() async throws {
        watermark.advance(to: 5)
        try await withThrowingTaskGroup(of: Bool.self) { group async throws in
            for position in [6, 6, 7] as [Int64] { group.addTask { try await watermark.wait(for: position) } }
            try await waitUntilWaiting(3)
            watermark.reset(to: 2)
            for _ in 1...2 { #expect(try await group.next() == false) }
            #expect(watermark.waiterCount == 1)
            watermark.advance(to: 7)
            #expect(try await group.next() == true)
        }
    }

    @Test func `is not reset when it has moved on`() async throws {
        watermark.advance(to: 5)
        watermark.reset(to: 2, from: 4)
        #expect(watermark.position == 5)
        watermark.reset(to: 2, from: 5)
        #expect(watermark.position == 2)
    }

    @Test func `that is set higher ends the waits that it has reached, and no other`() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group async throws in
            for position in Int64(1)...2 { group.addTask { try await watermark.wait(for: position) } }
            try await waitUntilWaiting(2)
            watermark.reset(to: 1)
            #expect(try await group.next() == true)
            #expect(watermark.waiterCount == 1)
            group.cancelAll()
        }
    }

    @Test func `is not waited for by a task that was cancelled before`() async throws {
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group async throws in
                group.cancelAll()
                group.addTask { try await watermark.wait(for: 1) }
                try await group.waitForAll()
            }
        }
        #expect(watermark.waiterCount == 0)
    }

    @Test func `is not waited for any more by tasks that are cancelled, among many others`() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { others async throws in
            for _ in 0..<10 { others.addTask { try await watermark.wait(for: 7) } }
            try await waitUntilWaiting(10)
            await #expect(throws: CancellationError.self) {
                try await withThrowingTaskGroup(of: Void.self) { group async throws in
                    for _ in 0..<10 { group.addTask { try await watermark.wait(for: 7) } }
                    try await waitUntilWaiting(20)
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
            try await eventually { watermark.waiterCount <= 10 }
            watermark.advance(to: 7)
            for try await isReached in others { #expect(isReached) }
        }
    }

    @Test func `that reached the position before a cancellation counts`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group async throws in
            group.addTask { () async throws in #expect(try await watermark.wait(for: 1)) }
            try await waitUntilWaiting(1)
            watermark.advance(to: 1)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func `leaves nobody behind when waits, advances and cancellations cross`() async throws {
        for position in Int64(1)...2_000 {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await watermark.wait(for: position) }
                group.addTask { watermark.advance(to: position) }
                if position % 2 == 0 { group.cancelAll() }
            }
            #expect(watermark.waiterCount == 0)
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Something with a time to be done in` {
    @Test func `is done when it ends in time`() async throws {
        #expect(try await isDone(within: .seconds(3600)) {})
    }

    @Test func `is cancelled when it takes longer`() async throws {
        let never = Signal()
        #expect(try await !isDone(within: .zero) { try await never.wait() })
        #expect(never.waiterCount == 0)
    }

    @Test func `passes its error on`() async throws {
        await #expect(throws: UnknownEvent.self) { try await isDone(within: .seconds(3600)) { throw UnknownEvent(type: "Odd", version: 1) } }
    }
}
