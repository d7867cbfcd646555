import EventSourcing
import HTTPContract
import HTTPTypes
import Synchronization

/// Slows down who guesses passwords: by the account they are guessed for, and by the address they come from.
///
/// An account is counted whether it exists or not, so that a pause tells nothing. Strangers share the account's count; an address that its owner has signed in from has one of
/// its own, so that strangers can't keep the owner out. In memory and by process: the work of a check, not this table, is what bounds how fast it fills.
final class SignInThrottle: Sendable {
    /// Who tries.
    struct Claimant: Sendable {
        /// Names the account: a keyed hash.
        let account: [UInt8]
        /// The network address, where there is one.
        let origin: String?

        init(account: [UInt8], address: String?) {
            self.account = account
            origin = address.map(NetworkOrigin.text)
        }
    }

    private struct Tables {
        var origins: FailureTable
        var accounts: FailureTable
    }

    private let tables: Mutex<Tables>
    private let settings: AuthSettings

    init(_ settings: AuthSettings) {
        self.settings = settings
        tables = Mutex(
            Tables(
                origins: FailureTable(settings.addressBackoff, capacity: settings.throttleCapacity),
                accounts: FailureTable(settings.accountBackoff, capacity: settings.throttleCapacity)))
    }

    /// How many addresses and accounts are remembered.
    var count: Int { tables.withLock { $0.origins.count + $0.accounts.count } }

    /// Makes a try, unless it comes too soon: then 429. What is verified counts as a success, nil as a failure, an error as neither.
    /// - Parameter isFamiliar: whether the account's owner has signed in from this address before; asked only when strangers have to wait.
    func attempt<Value: Sendable>(
        _ claimant: Claimant, isFamiliar: (() async throws -> Bool)? = nil, _ verify: () async throws -> Value?
    ) async throws -> Value? {
        let stranger = Base64URL.encode(claimant.account)
        var account = stranger
        if let origin = claimant.origin {
            try check(\.origins, origin)
            if let isFamiliar, case .refused = admission(\.accounts, stranger), try await isFamiliar() { account = "\(stranger) \(origin)" }
        }
        try begin(account: account, origin: claimant.origin)
        let value: Value?
        do {
            value = try await verify()
        } catch {
            end(account: account, origin: claimant.origin) { table, key, time in table.release(key, at: time) }
            throw error
        }
        guard value != nil else {
            end(account: account, origin: claimant.origin) { table, key, time in table.fail(key, at: time) }
            return nil
        }
        tables.withLock { tables in
            tables.accounts.clear(account)
            // Not forgotten: who has an account of their own could guess at others in between.
            if let origin = claimant.origin { tables.origins.release(origin, at: settings.now()) }
        }
        return value
    }

    private func admission(_ table: KeyPath<Tables, FailureTable>, _ key: String) -> FailureTable.Admission {
        tables.withLock { $0[keyPath: table].admission(key, at: settings.now()) }
    }

    private func check(_ table: KeyPath<Tables, FailureTable>, _ key: String) throws(Problem) {
        if case .refused(let until) = admission(table, key) {
            throw refusal(until: until, table == \.origins ? settings.addressBackoff : settings.accountBackoff)
        }
    }

    /// Both at once, under one lock: of many tries made at the same moment one goes first.
    private func begin(account: String, origin: String?) throws(Problem) {
        let refused = tables.withLock { tables -> (until: Timestamp, Backoff)? in
            let time = settings.now()
            if let origin, case .refused(let until) = tables.origins.admission(origin, at: time) { return (until, settings.addressBackoff) }
            if case .refused(let until) = tables.accounts.admission(account, at: time) { return (until, settings.accountBackoff) }
            if let origin { tables.origins.begin(origin, at: time) }
            tables.accounts.begin(account, at: time)
            return nil
        }
        if let (until, backoff) = refused { throw refusal(until: until, backoff) }
    }

    private func end(account: String, origin: String?, _ change: (inout FailureTable, String, Timestamp) -> Void) {
        tables.withLock { tables in
            let time = settings.now()
            change(&tables.accounts, account, time)
            if let origin { change(&tables.origins, origin, time) }
        }
    }

    private func refusal(until: Timestamp, _ backoff: Backoff) -> Problem {
        let seconds = Int((until.milliseconds - settings.now().milliseconds + 999) / 1000)
        return .rateLimited(
            retryAfter: seconds,
            headers: [.rateLimitLimit: String(backoff.free), .rateLimitRemaining: "0", .rateLimitReset: String(max(1, seconds))])
    }
}
