import Synchronization

/// Lets so many tests at the server at once: each opens a dozen connections, and the server has a hundred.
final class Seats: Sendable {
    static let databases = Seats(6)

    /// Whether this test has its seat already: one that needs two databases must not wait for itself.
    @TaskLocal private static var isSeated = false

    private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

    private init(_ count: Int) { state = Mutex((count, [])) }

    func take<T>(_ body: () async throws -> T) async throws -> T {
        if Self.isSeated { return try await body() }
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free == 0 {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
        defer { leave() }
        return try await Self.$isSeated.withValue(true) { try await body() }
    }

    private func leave() {
        let next: CheckedContinuation<Void, Never>? = state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
