import Synchronization
import TestSupport
import Testing

@testable import AuthService

private typealias Share = HashingQueue.Share

/// A queue whose one place is taken, and the order in which those who wait get it.
private final class Queue: Sendable {
    let queue: HashingQueue
    private let served = Mutex<[String]>([])

    init(limit: Int) {
        queue = HashingQueue(places: 1, limit: limit)
        _ = queue.takeFree()
    }

    var order: [String] { served.withLock { $0 } }

    /// Waits for the place and gives it to the next. True when it was turned away.
    func wait(_ name: String, _ share: Share) async throws -> Bool {
        do {
            try await queue.take(share)
        } catch is PasswordHasher.Overloaded {
            return true
        }
        served.withLock { $0.append(name) }
        queue.release()
        return false
    }

    /// Returns once so many wait.
    func fill(to count: Int) async throws { try await eventually { queue.waiting >= count } }
}

@Suite(.timeLimit(.minutes(5))) struct `The queue for hashing` {
    @Test func `lets users at known addresses go before strangers`() async throws {
        let queue = Queue(limit: 16)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await queue.wait("stranger", Share(account: "a", origin: "1")) }
            try await queue.fill(to: 1)
            group.addTask { try await queue.wait("owner", Share(account: "a", origin: "2", isFamiliar: true)) }
            try await queue.fill(to: 2)
            queue.queue.release()
            for try await isRefused in group { #expect(!isRefused) }
        }
        #expect(queue.order == ["owner", "stranger"])
    }

    @Test(arguments: [(Share(origin: "1"), Share(origin: "2")), (Share(account: "a"), Share(account: "b"))])
    private func `gives an address, and an account, no more than its share`(flood: Share, other: Share) async throws {
        let queue = Queue(limit: 16)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<2 { group.addTask { try await queue.wait("flood", flood) } }
            try await queue.fill(to: 2)
            #expect(try await queue.wait("flood", flood))
            group.addTask { try await queue.wait("other", other) }
            try await queue.fill(to: 3)
            queue.queue.release()
            for try await isRefused in group { #expect(!isRefused) }
        }
        #expect(queue.order.count == 3 && queue.order.contains("other"))
    }

    @Test func `that is full of strangers has room for users at known addresses`() async throws {
        let queue = Queue(limit: 8)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<8 { group.addTask { try await queue.wait("stranger", Share(account: "\(number)", origin: "\(number)")) } }
            try await queue.fill(to: 8)
            #expect(try await queue.wait("stranger", Share(account: "x", origin: "x")))
            group.addTask { try await queue.wait("owner", Share(account: "1", origin: "home", isFamiliar: true)) }
            try await queue.fill(to: 9)
            queue.queue.release()
            for try await isRefused in group { #expect(!isRefused) }
        }
        #expect(queue.order.first == "owner")
    }

    @Test func `that is full takes from the address with the most waiting`() async throws {
        let queue = Queue(limit: 24)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<24 { group.addTask { try await queue.wait("flood", Share(account: "\(number)", origin: "\(number % 8)")) } }
            try await queue.fill(to: 24)
            group.addTask { try await queue.wait("newcomer", Share(account: "x", origin: "x")) }
            var refused = 0
            // One of the flood is turned away for it.
            if try await group.next() == true { refused += 1 }
            queue.queue.release()
            for try await isRefused in group where isRefused { refused += 1 }
            #expect(refused == 1)
        }
        #expect(queue.order.contains("newcomer"))
    }

    @Test func `forgets who is cancelled`() async throws {
        let queue = Queue(limit: 8)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { try await queue.wait("gone", Share(account: "a", origin: "1")) }
            try await queue.fill(to: 1)
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        #expect(queue.queue.waiting == 0)
    }
}
