import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Synchronization

/// Slows down who guesses passwords: by the account they are guessed for, and by the address they come from.
///
/// An account is counted whether it exists or not, so that a pause tells nothing. Strangers share the account's count; an address that its owner has
/// signed in from has one of
/// its own, which goes by neither of the others: strangers can't keep the owner out there, nor can neighbours who share the address, unless they
/// guess at this very account.
/// In memory and by process: the work of a check, not this table, is what bounds how fast it fills.
final class SignInThrottle: Sendable {
    /// The account and the address of a try.
    struct Claimant: Sendable {
        /// Names the account: a keyed hash.
        let account: [UInt8]
        /// The network that the try comes from, where there is one. What is no address stands for itself, cut to a length that no flood can blow up.
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

    /// How many addresses and accounts are remembered.
    var count: Int { counts.withLock { $0.count } }

    /// Makes a try, unless it comes too soon: then 429. What is verified counts as a success, nil as a failure, an error as neither.
    /// - Parameter isFamiliar: whether the account's owner has signed in from this address before; asked only when strangers have to wait.
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

/// The failures by account and by address, together: a try has to be free of both, and counts against both.
struct FailureCounts: Sendable {
    /// The counters that a try counts against.
    struct Keys: Sendable {
        let account: String
        /// Nil where the address does not matter.
        let origin: String?
    }

    /// A try that came too soon.
    struct Refusal: Sendable {
        let until: ContinuousClock.Instant
        /// How many tries are free of a pause.
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

    /// How many accounts and addresses are remembered.
    var count: Int { accounts.count + origins.count }

    /// Begins a try, or says why not: of many that are made at the same moment each finds those before it under way. One that was begun is to be
    /// ended.
    mutating func begin(_ keys: Keys, at time: ContinuousClock.Instant) -> Refusal? {
        if let until = keys.origin.flatMap({ origins.wait($0, at: time) }) { return Refusal(until: until, free: settings.addressBackoff.free) }
        if let until = accounts.wait(keys.account, at: time) { return Refusal(until: until, free: settings.accountBackoff.free) }
        if let origin = keys.origin { origins.begin(origin) }
        accounts.begin(keys.account)
        return nil
    }

    /// Ends a try. A success forgets the account's failures and not the address's: who has an account of their own could guess at others in between.
    mutating func end(_ keys: Keys, _ outcome: TryOutcome, at time: ContinuousClock.Instant) {
        accounts.end(keys.account, outcome, at: time)
        guard let origin = keys.origin else { return }
        switch outcome {
        case .failed: origins.end(origin, .failed, at: time)
        case .cleared, .unknown: origins.end(origin, .unknown, at: time)
        }
    }
}
