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
/// An answer carries the lowest position of the models that it joins. It is given until one of them is known to be further: any event may have
/// changed it. When tables change and no position rises, an era ends, and no answer of it is given any more.
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

    /// Keeps an answer, unless a newer one is there.
    /// - Parameter standing: from before the question was asked. An era that ends meanwhile ends for this answer, too.
    func keep(_ answer: Snapshot<Answer>, for key: QueryKey, since standing: ReadModelStanding) {
        // Key, headers and bookkeeping cost about as much as a short post.
        let size = answer.value.representation.body.storageCapacity + 512
        state.withLock { state in
            if let known = state.kept.value(for: key), known.era >= standing.era, known.answer.position > answer.position { return }
            state.kept.keep(Kept(answer: answer, era: standing.era), size: size, for: key)
        }
    }

    /// Lets go of all answers. They are freed after the lock.
    func clear() { _ = state.withLock { $0.kept.takeAll() } }
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
