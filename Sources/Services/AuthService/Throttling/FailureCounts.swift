import EventSourcing

/// The failures by account and by address, together: a try has to be free of both, and counts against both.
struct FailureCounts: Sendable {
    /// What a try counts against.
    struct Keys: Sendable {
        let account: String
        /// Nil where the address does not matter.
        let origin: String?
    }

    /// A try that came too soon.
    struct Refusal: Sendable {
        let until: Timestamp
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

    /// Begins a try, or says why not: of many that are made at the same moment each finds those before it under way. One that was begun is to be ended.
    mutating func begin(_ keys: Keys, at time: Timestamp) -> Refusal? {
        if let until = keys.origin.flatMap({ origins.wait($0, at: time) }) { return Refusal(until: until, free: settings.addressBackoff.free) }
        if let until = accounts.wait(keys.account, at: time) { return Refusal(until: until, free: settings.accountBackoff.free) }
        if let origin = keys.origin { origins.begin(origin) }
        accounts.begin(keys.account)
        return nil
    }

    /// Ends a try. A success forgets the account's failures and not the address's: who has an account of their own could guess at others in between.
    mutating func end(_ keys: Keys, _ outcome: TryOutcome, at time: Timestamp) {
        accounts.end(keys.account, outcome, at: time)
        guard let origin = keys.origin else { return }
        switch outcome {
        case .failed: origins.end(origin, .failed, at: time)
        case .cleared, .unknown: origins.end(origin, .unknown, at: time)
        }
    }
}
