import Synchronization

/// The queue for the few places in which passwords are hashed. Users at an address that they have signed in from before go first and have a queue of
/// their own. The other places are shared by address and by account, so that a flood from few addresses, or at few accounts, fills its own share
/// only.
final class HashingQueue: Sendable {
    /// The party for which a password is hashed. Nil has no share.
    struct Share: Sendable {
        var account: String?
        var origin: String?
        var isFamiliar = false
    }

    private struct Waiter {
        let id: Int
        let share: Share
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var free: Int
        var familiar: [Waiter] = []
        var strangers: [Waiter] = []
        var lastID = 0

        mutating func next() -> Waiter? {
            if !familiar.isEmpty { return familiar.removeFirst() }
            return strangers.isEmpty ? nil : strangers.removeFirst()
        }

        mutating func remove(_ id: Int) -> Waiter? {
            if let index = familiar.firstIndex(where: { $0.id == id }) { return familiar.remove(at: index) }
            return strangers.firstIndex { $0.id == id }.map { strangers.remove(at: $0) }
        }
    }

    /// The most that may wait for one account or one address.
    private let largestShare: Int
    private let limit: Int
    private let state: Mutex<State>

    /// - Parameter limit: the number of familiar users who may wait, and of others.
    init(places: Int, limit: Int) {
        self.limit = limit
        largestShare = max(1, limit / 8)
        state = Mutex(State(free: places))
    }

    /// How many wait.
    var waiting: Int { state.withLock { $0.familiar.count + $0.strangers.count } }

    /// Takes a free place, if there is one.
    func takeFree() -> Bool {
        state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
    }

    /// Waits for a place. Throws `PasswordHasher.Overloaded` if the queue or the share is full, at once or while it waits.
    func take(_ share: Share) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waiter = Waiter(id: id, share: share, continuation: continuation)
                // Resumed outside the lock: a place was granted, or refused in favour of this one.
                let (granted, refused) = state.withLock { state in admit(waiter, to: &state) }
                granted?.continuation.resume()
                refused?.continuation.resume(throwing: PasswordHasher.Overloaded())
            }
        } onCancel: {
            state.withLock { $0.remove(id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Gives a place back.
    func release() {
        let next = state.withLock { state in
            let next = state.next()
            if next == nil { state.free += 1 }
            return next
        }
        next?.continuation.resume()
    }

    private func admit(_ waiter: Waiter, to state: inout State) -> (granted: Waiter?, refused: Waiter?) {
        if Task.isCancelled { return (nil, waiter) }
        if state.free > 0 {
            state.free -= 1
            return (waiter, nil)
        }
        if waiter.share.isFamiliar {
            guard state.familiar.count < limit, load(of: waiter.share.account, \.account, in: state.familiar) < largestShare else {
                return (nil, waiter)
            }
            state.familiar.append(waiter)
            return (nil, nil)
        }
        let own = load(of: waiter.share.origin, \.origin, in: state.strangers)
        guard own < largestShare, load(of: waiter.share.account, \.account, in: state.strangers) < largestShare else { return (nil, waiter) }
        var refused: Waiter?
        if state.strangers.count >= limit {
            // If the queue is full, an address that has more waiting gives up its newest one.
            let greediest = state.strangers.lastIndex { load(of: $0.share.origin, \.origin, in: state.strangers) > own + 1 }
            guard let greediest else { return (nil, waiter) }
            refused = state.strangers.remove(at: greediest)
        }
        state.strangers.append(waiter)
        return (nil, refused)
    }

    private func load(of party: String?, _ part: any KeyPath<Share, String?> & Sendable, in waiters: [Waiter]) -> Int {
        party == nil ? 0 : waiters.count { $0.share[keyPath: part] == party }
    }
}
