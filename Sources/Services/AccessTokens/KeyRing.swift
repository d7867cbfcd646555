import EventSourcing
import JSON
import Synchronization

/// The issuer's public keys, fetched when needed: one fetch at a time however many ask, and not again at once.
///
/// A fetch is made for a key not yet known, and for any when the last one is five minutes old, so that a withdrawn key is forgotten. Its times are
/// those of a clock that nobody sets.
final class KeyRing: Sendable {
    private struct State {
        var keys: [VerificationKey] = []
        var fetchedAt: ContinuousClock.Instant?
        /// Before it, no further fetch is tried.
        var nextFetch: ContinuousClock.Instant?
        var lastFailed = false
        /// Ends with the fetch that is under way.
        var fetch: Signal?
    }

    private enum Step {
        case use(VerificationKey)
        case unknown
        case unavailable
        case fetch
        case wait(Signal)
    }

    private static let spacing = Duration.seconds(10)
    private static let spacingAfterFailure = Duration.seconds(1)
    private static let lifetime = Duration.seconds(300)

    private let state = Mutex(State())
    private let fetchKeys: @Sendable () async throws -> [VerificationKey]
    private let uptime: @Sendable () -> ContinuousClock.Instant

    init(fetchKeys: @escaping @Sendable () async throws -> [VerificationKey], uptime: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.fetchKeys = fetchKeys
        self.uptime = uptime
    }

    /// The key of that name; nil when the issuer has none. A handful of keys: look-up is a scan, byte by byte, since the name is the caller's.
    func key(_ kid: String) async throws(TokenError) -> VerificationKey? {
        while true {
            switch state.withLock({ next(kid, in: &$0) }) {
            case .use(let key): return key
            case .unknown: return nil
            case .unavailable: throw .unavailable(reason: "The keys that tokens are checked with can't be had at the moment.")
            case .fetch: await fetch()
            case .wait(let fetch):
                do { try await fetch.wait() } catch { throw .unavailable(reason: "The request was given up.") }
            }
        }
    }

    private func next(_ kid: String, in state: inout State) -> Step {
        let time = uptime()
        let known = state.keys.first { $0.kid.hasSameUTF8(as: kid) }
        let mayFetch = state.nextFetch.map { $0 <= time } ?? true
        let isFresh = state.fetchedAt.map { time < $0.advanced(by: Self.lifetime) } ?? false
        if let known, isFresh || !mayFetch || state.fetch != nil { return .use(known) }
        if let fetch = state.fetch { return .wait(fetch) }
        guard mayFetch else { return state.lastFailed ? .unavailable : .unknown }
        state.fetch = Signal()
        return .fetch
    }

    private func fetch() async {
        let fetched: [VerificationKey]?
        do {
            fetched = try await fetchKeys()
        } catch {
            // Kept keys stay good for what they verify; callers that need more are told that the keys are unavailable.
            fetched = nil
        }
        let fetch = state.withLock { state in
            let time = uptime()
            if let fetched {
                state.keys = fetched
                state.fetchedAt = time
            }
            state.lastFailed = fetched == nil
            state.nextFetch = time.advanced(by: fetched == nil ? Self.spacingAfterFailure : Self.spacing)
            return state.fetch.take()
        }
        fetch?.finish()
    }
}
