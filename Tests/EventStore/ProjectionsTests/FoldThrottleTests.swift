import TestSupport
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `Folds of one log` {
    /// Two members; the first is held up, and `body` is to free it.
    private func holdingUp(_ body: @Sendable (FoldThrottle, _ first: FoldThrottle.Member, _ last: FoldThrottle.Member) async throws -> Void)
        async throws -> Bool
    {
        let (throttle, hasPassed) = (FoldThrottle(), Flag())
        let (first, last) = (throttle.join(at: 0), throttle.join(at: 0))
        try await throttle.reached(FoldThrottle.lead, by: first)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await throttle.reached(FoldThrottle.lead + 10, by: first)
                hasPassed.set()
            }
            try await eventually { throttle.waiting > 0 }
            try await throttle.reached(9, by: last)
            #expect(throttle.waiting == 1 && !hasPassed.isSet)
            try await body(throttle, first, last)
            try await group.waitForAll()
            return hasPassed.isSet
        }
    }

    @Test func `wait for the last one to come near`() async throws {
        #expect(try await holdingUp { throttle, _, last in try await throttle.reached(10, by: last) })
    }

    @Test func `do not wait for one that has left`() async throws {
        #expect(try await holdingUp { throttle, _, last in throttle.leave(last) })
    }

    @Test func `do not wait when they are cancelled`() async throws {
        let throttle = FoldThrottle()
        let (first, _) = (throttle.join(at: 0), throttle.join(at: 0))
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await throttle.reached(FoldThrottle.lead + 1, by: first) }
                try await eventually { throttle.waiting > 0 }
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
