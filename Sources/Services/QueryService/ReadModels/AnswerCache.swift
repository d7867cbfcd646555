import HTTPContract
import NIOCore
import Postgres
import Projections
import Synchronization

/// An answer that can be kept.
protocol KeepableAnswer: Sendable {
    var representation: Representation { get }
}

/// One question: a statement and its values.
struct QueryKey: Hashable {
    let statement: String
    let values: [SQLValue]
}

/// Answers that are given again for as long as they are as fresh as their callers are told (docs/decisions/0050).
///
/// An answer is good for the position that it was read at, and carries that. It is given until all the models that it joins are known to be further:
/// any event may have changed it. Where tables change and no position rises, an era ends, and with it whatever was read before.
final class AnswerCache<Answer: KeepableAnswer>: Sendable {
    private struct Kept {
        let answer: Snapshot<Answer>
        let era: Int

        func isCurrent(at standing: ReadModelStanding) -> Bool { era == standing.era && answer.position >= standing.position }
    }

    private struct State {
        var kept: BoundedCache<QueryKey, Kept>
        var hits = 0
        var misses = 0
    }

    private let state: Mutex<State>

    init(bytes: Int) { state = Mutex(State(kept: BoundedCache(bytes: bytes))) }

    var statistics: AnswerCacheStatistics {
        state.withLock { AnswerCacheStatistics(hits: $0.hits, misses: $0.misses, bytes: $0.kept.bytes) }
    }

    func answer(to key: QueryKey, at standing: ReadModelStanding) -> Snapshot<Answer>? {
        state.withLock { state in
            guard let kept = state.kept.value(for: key), kept.isCurrent(at: standing) else {
                state.misses += 1
                return nil
            }
            state.hits += 1
            return kept.answer
        }
    }

    /// - Parameter standing: from before the question was asked. What ends an era while it is answered ends it for this answer, too.
    func keep(_ answer: Snapshot<Answer>, for key: QueryKey, since standing: ReadModelStanding) {
        // Key, headers and bookkeeping cost about as much as a short post.
        let size = answer.value.representation.body.readableBytes + 512
        state.withLock { $0.kept.keep(Kept(answer: answer, era: standing.era), size: size, for: key) }
    }

    /// - Parameter standing: nil while nothing is known, which leaves nothing.
    func drop(outdatedAt standing: ReadModelStanding?) {
        state.withLock { state in
            state.kept.removeAll { kept in standing.map { !kept.isCurrent(at: $0) } ?? true }
        }
    }
}

/// How often an answer could be given again.
package struct AnswerCacheStatistics: Sendable, Hashable {
    package let hits: Int
    package let misses: Int
    package let bytes: Int

    static func + (one: Self, other: Self) -> Self {
        Self(hits: one.hits + other.hits, misses: one.misses + other.misses, bytes: one.bytes + other.bytes)
    }
}
