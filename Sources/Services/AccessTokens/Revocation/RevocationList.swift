import EventSourcing
import FoundationEssentials
import Synchronization

/// The tokens that a process knows to be revoked before they expire. Its own times are those of a clock that nobody sets: a wall clock put back by an
/// hour would let the list pass for fresh that long.
package final class RevocationList: Sendable {
    /// Whether a token is revoked.
    package enum Status: Sendable, Equatable {
        case valid
        case revoked
        /// The feed has been away for too long to know.
        case unknown
    }

    /// A user's tokens of a lower version are revoked.
    fileprivate struct UserRevocation {
        var before: Int
        var learntAt: ContinuousClock.Instant
    }

    fileprivate struct State {
        /// Sessions learnt in this period, and in the one before. Two generations forget all at once; a session stays for one to two periods.
        var recent: Set<UUID> = []
        var older: Set<UUID> = []
        var users: [UUID: UserRevocation] = [:]
        /// The feed names all of them each time.
        var keys: Set<String> = []
        var periodBegan: ContinuousClock.Instant?
        /// The moment that is known to be covered.
        var askedAt: ContinuousClock.Instant?
    }

    /// Longer than any token lives, by whatever setting, those of the operator included. An ended session costs some 40 bytes for one to two periods.
    private static let period = Duration.seconds(25 * 60 * 60)

    private let patience: Duration?
    private let uptime: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    /// - Parameters:
    ///   - patience: how old the feed's last answer may be before tokens count as unknown; nil where no feed is followed.
    ///   - uptime: the clock.
    package init(patience: Duration? = nil, uptime: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.patience = patience
        self.uptime = uptime
    }

    /// The present moment, by the clock that `add` takes its times from.
    package var now: ContinuousClock.Instant { uptime() }

    /// Adds revocations that the feed told.
    /// - Parameter askedAt: a moment before the feed was asked.
    package func add(_ revocations: Revocations, askedAt: ContinuousClock.Instant) {
        state.withLock { state in
            let began = state.periodBegan ?? askedAt
            state.periodBegan = began
            if began + Self.period <= askedAt {
                state.users = state.users.filter { askedAt < $0.value.learntAt + Self.period }
                state.older = state.recent
                state.recent = []
                state.periodBegan = askedAt
            }
            state.recent.formUnion(revocations.sessions)
            for (user, before) in revocations.users {
                state.users[user] = UserRevocation(before: max(before, state.users[user]?.before ?? before), learntAt: askedAt)
            }
            state.keys.formUnion(revocations.keys)
            state.askedAt = max(state.askedAt ?? askedAt, askedAt)
        }
    }

    /// Whether the token is revoked at this moment.
    func status(of token: VerifiedToken) -> Status {
        let time = uptime()
        return state.withLock { state in
            if state.isRevoked(token) { return .revoked }
            guard let patience else { return .valid }
            guard let askedAt = state.askedAt, time <= askedAt + patience else { return .unknown }
            return .valid
        }
    }

    /// How many revocations are held.
    package var count: Int { state.withLock { $0.recent.count + $0.older.count + $0.users.count + $0.keys.count } }
}

extension RevocationList.State {
    fileprivate func isRevoked(_ token: VerifiedToken) -> Bool {
        if keys.contains(token.kid) { return true }
        let claims = token.claims
        if let session = claims.session, recent.contains(session) || older.contains(session) { return true }
        return users[claims.subject].map { claims.version < $0.before } ?? false
    }
}
