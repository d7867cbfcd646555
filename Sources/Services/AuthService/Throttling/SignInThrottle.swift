import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Synchronization

/// Slows down password guessing, by account and by address.
///
/// An account is counted whether it exists or not, so that a pause reveals nothing. Strangers share the account's count. An address that the
/// account's owner has signed in from has a count of its own for that account. So strangers can't lock the owner out there, and neither can others at
/// the same address, unless they guess at this very account. Counts are in the memory of one process. The cost of a password check bounds how fast
/// they grow.
final class SignInThrottle: Sendable {
    /// The account and the address of a try.
    struct Claimant: Sendable {
        /// The keyed hash that names the account.
        let account: [UInt8]
        /// The network that the try comes from, if it is known. A text that is not an address stands for itself, cut to a short length.
        let origin: String?

        init(account: [UInt8], address: String?) {
            self.account = account
            origin = address.map { text in NetworkAddress(text).map { "\($0.network)" } ?? String(text.prefix(45)) }
        }
    }

    private let counts: Mutex<FailureCounts>
    private let settings: AuthSettings

    init(_ settings: AuthSettings) {
        self.settings = settings
        counts = Mutex(FailureCounts(settings))
    }

    /// The number of addresses and accounts with failures.
    var count: Int { counts.withLock { $0.count } }

    /// Makes a try, or throws 429 if it comes too soon. A value counts as a success, nil as a failure, and an error as neither.
    /// - Parameter isFamiliar: whether the account's owner has signed in from this address before. Asked only if strangers have to wait.
    func attempt<Value: Sendable>(
        _ claimant: Claimant, isFamiliar: (() async throws -> Bool)? = nil, _ verify: () async throws -> Value?
    ) async throws -> Value? {
        let account = Base64URL.encode(claimant.account)
        var keys = FailureCounts.Keys(account: account, origin: claimant.origin)
        if let refusal = begin(keys) {
            guard let origin = claimant.origin, let isFamiliar, try await isFamiliar() else { throw problem(refusal) }
            keys = FailureCounts.Keys(account: "\(account) \(origin)", origin: nil)
            if let refusal = begin(keys) { throw problem(refusal) }
        }
        let value: Value?
        do {
            value = try await verify()
        } catch {
            end(keys, .unknown)
            throw error
        }
        end(keys, value == nil ? .failed : .cleared)
        return value
    }

    private func begin(_ keys: FailureCounts.Keys) -> FailureCounts.Refusal? { counts.withLock { $0.begin(keys, at: settings.uptime()) } }

    private func end(_ keys: FailureCounts.Keys, _ outcome: TryOutcome) { counts.withLock { $0.end(keys, outcome, at: settings.uptime()) } }

    private func problem(_ refusal: FailureCounts.Refusal) -> Problem {
        let seconds = Int(((refusal.until - settings.uptime()) / .seconds(1)).rounded(.up))
        return .rateLimited(
            policy: "wrong-password", retryAfter: seconds,
            headers: [.rateLimitPolicy: "\"wrong-password\";q=\(refusal.free)", .rateLimit: "\"wrong-password\";r=0;t=\(max(1, seconds))"])
    }
}

/// The failures by account and by address. A try must be allowed by both, and counts against both.
struct FailureCounts: Sendable {
    /// The counters that a try counts against.
    struct Keys: Sendable {
        let account: String
        /// Nil if the address does not matter.
        let origin: String?
    }

    /// The refusal of a try that came too soon.
    struct Refusal: Sendable {
        let until: ContinuousClock.Instant
        /// The number of tries without a pause.
        let free: Int
    }

    private var accounts: FailureTable
    private var origins: FailureTable
    private let settings: AuthSettings

    init(_ settings: AuthSettings) {
        self.settings = settings
        accounts = FailureTable(settings.accountBackoff, capacity: settings.throttleCapacity)
        origins = FailureTable(settings.addressBackoff, capacity: settings.throttleCapacity)
    }

    /// The number of accounts and addresses with failures.
    var count: Int { accounts.count + origins.count }

    /// Begins a try, which must then be ended, or returns the refusal. Of many tries at the same moment, each finds those before it under way.
    mutating func begin(_ keys: Keys, at time: ContinuousClock.Instant) -> Refusal? {
        if let until = keys.origin.flatMap({ origins.wait($0, at: time) }) { return Refusal(until: until, free: settings.addressBackoff.free) }
        if let until = accounts.wait(keys.account, at: time) { return Refusal(until: until, free: settings.accountBackoff.free) }
        if let origin = keys.origin { origins.begin(origin) }
        accounts.begin(keys.account)
        return nil
    }

    /// Ends a try. A success forgets the account's failures but not the address's, because an attacker with an account of their own could sign in
    /// between guesses at others.
    mutating func end(_ keys: Keys, _ outcome: TryOutcome, at time: ContinuousClock.Instant) {
        accounts.end(keys.account, outcome, at: time)
        guard let origin = keys.origin else { return }
        switch outcome {
        case .failed: origins.end(origin, .failed, at: time)
        case .cleared, .unknown: origins.end(origin, .unknown, at: time)
        }
    }
}
