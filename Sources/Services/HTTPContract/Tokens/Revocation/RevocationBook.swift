import EventSourcing
import FoundationEssentials
import Synchronization

/// What a process knows of tokens that ended before their time: one book for all its services' verifiers. Its own times are those of a clock that nobody sets: a wall clock put
/// back by an hour would let the book pass for fresh that long.
package final class RevocationBook: Sendable {
    /// How a token stands.
    package enum Standing: Sendable, Equatable {
        case holds
        case ended
        /// The feed has been away for too long to know.
        case unknown
    }

    /// Tokens of a user that don't hold any more.
    fileprivate struct Cut {
        var before: Timestamp
        var toldAt: ContinuousClock.Instant
    }

    fileprivate struct State {
        /// Sessions learnt in this period, and in the one before: two generations forget without a look at each; one lives for a period at least and for two at most.
        var recent: Set<UUID> = []
        var older: Set<UUID> = []
        var users: [UUID: Cut] = [:]
        /// The feed names all of them each time.
        var keys: Set<String> = []
        var periodBegan: ContinuousClock.Instant?
        /// The moment that is known to be covered.
        var askedAt: ContinuousClock.Instant?
    }

    /// Longer than a token of a session lives.
    private static let sessionPeriod = Duration.seconds(30 * 60)
    /// Longer than any token lives, those of the operator included.
    private static let userPeriod = Duration.seconds(25 * 60 * 60)

    private let patience: Duration?
    private let uptime: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    /// - Parameters:
    ///   - patience: how old the last word of the feed may be before nothing is known any more; nil where no feed is followed.
    ///   - uptime: the clock.
    package init(patience: Duration? = nil, uptime: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.patience = patience
        self.uptime = uptime
    }

    /// The present moment, by the clock that `note` wants its times of.
    package var now: ContinuousClock.Instant { uptime() }

    /// Adds what the feed said.
    /// - Parameter askedAt: a moment before the feed was asked.
    package func note(_ news: Revocations, askedAt: ContinuousClock.Instant) {
        state.withLock { state in
            let began = state.periodBegan ?? askedAt
            state.periodBegan = began
            if began + Self.sessionPeriod <= askedAt {
                state.users = state.users.filter { askedAt < $0.value.toldAt + Self.userPeriod }
                state.older = state.recent
                state.recent = []
                state.periodBegan = askedAt
            }
            state.recent.formUnion(news.sessions)
            for (user, before) in news.users {
                state.users[user] = Cut(before: max(before, state.users[user]?.before ?? before), toldAt: askedAt)
            }
            state.keys.formUnion(news.keys)
            state.askedAt = max(state.askedAt ?? askedAt, askedAt)
        }
    }

    /// How a token stands at this moment.
    func standing(of token: AccessToken, signedWith kid: String) -> Standing {
        let time = uptime()
        return state.withLock { state in
            if state.isEnded(token, signedWith: kid) { return .ended }
            guard let patience else { return .holds }
            guard let askedAt = state.askedAt, time <= askedAt + patience else { return .unknown }
            return .holds
        }
    }

    /// How many endings are held.
    package var count: Int {
        state.withLock { $0.recent.count + $0.older.count + $0.users.count + $0.keys.count }
    }
}

extension RevocationBook.State {
    fileprivate func isEnded(_ token: AccessToken, signedWith kid: String) -> Bool {
        if keys.contains(kid) { return true }
        if let session = token.session, recent.contains(session) || older.contains(session) { return true }
        return users[token.subject].map { token.issuedAt < $0.before } ?? false
    }
}
