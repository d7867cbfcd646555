import EventSourcing
import Synchronization

/// The issuer's public keys, fetched when needed: one fetch at a time however many ask, and not again at once.
///
/// A fetch is made for a key not yet known, and for any when the last one is five minutes old, so that a withdrawn key is forgotten.
final class KeyRing: Sendable {
    private struct State {
        var keys: [String: VerificationKey] = [:]
        var fetchedAt: Timestamp?
        /// Before it, no further fetch is tried.
        var nextFetch: Timestamp?
        var lastFailed = false
        var isFetching = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private enum Step {
        case use(VerificationKey)
        case unknown
        case unavailable
        case fetch
        case wait
    }

    private static let spacing = Duration.seconds(10)
    private static let spacingAfterFailure = Duration.seconds(1)
    private static let lifetime = Duration.seconds(300)

    private let state = Mutex(State())
    private let fetchKeys: @Sendable () async throws -> [VerificationKey]
    private let now: @Sendable () -> Timestamp

    init(fetchKeys: @escaping @Sendable () async throws -> [VerificationKey], now: @escaping @Sendable () -> Timestamp) {
        self.fetchKeys = fetchKeys
        self.now = now
    }

    /// The key of that name; nil when the issuer has none. 503 when the issuer can't be asked.
    func key(_ kid: String) async throws(Problem) -> VerificationKey? {
        while true {
            switch state.withLock({ next(kid, in: &$0) }) {
            case .use(let key): return key
            case .unknown: return nil
            case .unavailable: throw .unavailable("The keys that tokens are checked with can't be had at the moment.")
            case .fetch: await fetch()
            case .wait: await waitForFetch()
            }
        }
    }

    private func next(_ kid: String, in state: inout State) -> Step {
        let time = now()
        let known = state.keys[kid]
        let mayFetch = state.nextFetch.map { $0 <= time } ?? true
        let isFresh = state.fetchedAt.map { time < $0.advanced(by: Self.lifetime) } ?? false
        if let known, isFresh || !mayFetch || state.isFetching { return .use(known) }
        if state.isFetching { return .wait }
        guard mayFetch else { return state.lastFailed ? .unavailable : .unknown }
        state.isFetching = true
        return .fetch
    }

    private func fetch() async {
        let fetched: [VerificationKey]?
        do {
            fetched = try await fetchKeys()
        } catch {
            // Kept keys stay good for what they verify; the failure shows as 503 to those that need more.
            fetched = nil
        }
        let waiters = state.withLock { state in
            let time = now()
            if let fetched {
                state.keys = Dictionary(fetched.map { ($0.kid, $0) }) { first, _ in first }
                state.fetchedAt = time
            }
            state.lastFailed = fetched == nil
            state.nextFetch = time.advanced(by: fetched == nil ? Self.spacingAfterFailure : Self.spacing)
            state.isFetching = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    private func waitForFetch() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isFetching { state.waiters.append(continuation) }
                return !state.isFetching
            }
            if isOver { continuation.resume() }
        }
    }
}
