import Testing

@testable import Projections

@Suite struct `Folds of one log` {
    /// Two members; the first is held up, and `body` is to free it.
    private func holdingUp(_ body: @Sendable (Convoy, _ first: Convoy.Member, _ last: Convoy.Member) async throws -> Void) async throws -> Bool {
        let (convoy, hasPassed) = (Convoy(), Flag())
        let (first, last) = (convoy.join(at: 0), convoy.join(at: 0))
        try await convoy.reached(Convoy.lead, by: first)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await convoy.reached(Convoy.lead + 10, by: first)
                hasPassed.set()
            }
            while convoy.waiting == 0 { await Task.yield() }
            try await convoy.reached(9, by: last)
            #expect(convoy.waiting == 1 && !hasPassed.isSet)
            try await body(convoy, first, last)
            try await group.waitForAll()
            return hasPassed.isSet
        }
    }

    @Test func `wait for the last one to come near`() async throws {
        #expect(try await holdingUp { convoy, _, last in try await convoy.reached(10, by: last) })
    }

    @Test func `do not wait for one that has left`() async throws {
        #expect(try await holdingUp { convoy, _, last in convoy.leave(last) })
    }

    @Test func `do not wait when they are cancelled`() async throws {
        let convoy = Convoy()
        let (first, _) = (convoy.join(at: 0), convoy.join(at: 0))
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await convoy.reached(Convoy.lead + 1, by: first) }
                while convoy.waiting == 0 { await Task.yield() }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
