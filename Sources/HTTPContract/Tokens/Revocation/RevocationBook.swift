package import EventSourcing
import FoundationEssentials
import Synchronization

/// What a process knows of tokens that ended before their time: one book for all its services' verifiers.
package final class RevocationBook: Sendable {
    /// How a token stands.
    package enum Standing: Sendable, Equatable {
        case holds
        case ended
        /// The feed has been away for too long to know.
        case unknown
    }

    private struct State {
        /// Learnt in this period, and in the one before.
        var recent = Revocations()
        var older = Revocations()
        var periodBegan: Timestamp?
        /// The moment that is known to be covered.
        var asOf: Timestamp?
    }

    /// Longer than a token of a session lives.
    private static let sessionPeriod = Duration.seconds(30 * 60)
    /// Longer than any token lives, those of the operator included.
    private static let userPeriod = Duration.seconds(25 * 60 * 60)

    private let patience: Duration?
    private let state = Mutex(State())

    /// - Parameter patience: how old the last word of the feed may be before nothing is known any more; nil where no feed is followed.
    package init(patience: Duration? = nil) {
        self.patience = patience
    }

    /// Adds what the feed said.
    /// - Parameter asOf: a moment before the feed was asked.
    package func note(_ news: Revocations, asOf: Timestamp) {
        state.withLock { state in
            let began = state.periodBegan ?? asOf
            state.periodBegan = began
            if began.advanced(by: Self.sessionPeriod) <= asOf {
                // Two generations forget without a look at each entry: one lives for a period at least and for two at most.
                let users = state.older.users.filter { asOf < $0.value.advanced(by: Self.userPeriod) }
                state.older = state.recent
                state.older.users.merge(users, uniquingKeysWith: max)
                state.recent = Revocations()
                state.periodBegan = asOf
            }
            state.recent.sessions.formUnion(news.sessions)
            state.recent.users.merge(news.users, uniquingKeysWith: max)
            state.asOf = max(state.asOf ?? asOf, asOf)
        }
    }

    /// How a token stands at this moment.
    func standing(of token: AccessToken, at time: Timestamp) -> Standing {
        state.withLock { state in
            if state.recent.cover(token) || state.older.cover(token) { return .ended }
            guard let patience else { return .holds }
            guard let asOf = state.asOf, time <= asOf.advanced(by: patience) else { return .unknown }
            return .holds
        }
    }

    /// How many endings are held.
    package var count: Int {
        state.withLock { $0.recent.sessions.count + $0.older.sessions.count + $0.recent.users.count + $0.older.users.count }
    }
}
