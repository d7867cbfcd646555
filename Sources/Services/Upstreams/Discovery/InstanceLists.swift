import PublishingAPI
import Synchronization

/// The instances of each service as they were last found, and those who follow them.
final class InstanceLists: Sendable {
    private struct State {
        var known: [ServiceName: [Instance]]
        var followers: [Int: (service: ServiceName, continuation: AsyncStream<[Instance]>.Continuation)] = [:]
        var lastFollower = 0
    }

    private let state: Mutex<State>

    init(_ known: [ServiceName: [Instance]] = [:]) { state = Mutex(State(known: known)) }

    /// Those found last; none when nothing is known.
    func known(of service: ServiceName) -> [Instance] { state.withLock { $0.known[service] ?? [] } }

    /// The list as it is known, then each new one. A follower who falls behind gets the newest only.
    func changes(of service: ServiceName) -> AsyncStream<[Instance]> {
        let (stream, continuation) = AsyncStream.makeStream(of: [Instance].self, bufferingPolicy: .bufferingNewest(1))
        let follower = state.withLock { state in
            state.lastFollower += 1
            state.followers[state.lastFollower] = (service, continuation)
            if let instances = state.known[service] { continuation.yield(instances) }
            return state.lastFollower
        }
        continuation.onTermination = { [weak self] _ in self?.forget(follower) }
        return stream
    }

    /// Takes a list that was found. Its order and repeats mean nothing, so followers hear of other instances only.
    func found(_ instances: [Instance], of service: ServiceName) {
        let instances = Set(instances).sorted { ($0.host, $0.port) < ($1.host, $1.port) }
        // Yielded under the lock, or an older list could arrive after a newer one.
        state.withLock { state in
            guard state.known[service] != instances else { return }
            state.known[service] = instances
            for follower in state.followers.values where follower.service == service { follower.continuation.yield(instances) }
        }
    }

    private func forget(_ follower: Int) { state.withLock { _ = $0.followers.removeValue(forKey: follower) } }
}
