package import FoundationEssentials
import Synchronization

/// Streams as they were folded last, so that a long history is not read again for each command. In memory only.
///
/// It can be stale and can't do harm by that: whoever takes a fold from here reads on from the fold's last event, and finds out that way when the
/// log has moved on or
/// is another one. It holds personal data, which is why a person's entries can be forgotten, and why no entry gets old: see `Limits.lifetime`.
package final class StateCache<Rules: StreamRules>: Sendable {
    private struct Entry {
        let folded: FoldedStream<Rules>
        /// The person whose data it holds.
        let owner: UUID?
        /// When the fold began at the stream's start.
        let since: ContinuousClock.Instant
    }

    private struct State {
        var entries = LeastRecentlyUsed<StreamName, Entry>()
        var owned: [UUID: Set<StreamName>] = [:]
        /// Persons whose entries were forgotten, the last of many: what was loaded before they were must not come back after.
        var forgotten = LeastRecentlyUsed<UUID, Void>()
        var isSuspended = false
        /// Counts suspensions. A fold that began before one is not kept, because it may hold data that should have been forgotten.
        var suspensions = 0
        var hits = 0
        var misses = 0

        mutating func remove(_ stream: StreamName) {
            guard let owner = entries.remove(stream)?.owner else { return }
            owned[owner]?.remove(stream)
            if owned[owner]?.isEmpty == true { owned[owner] = nil }
        }
    }

    private let limits: StateCacheLimits
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    package init(limits: StateCacheLimits = StateCacheLimits(), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.limits = limits
        self.now = now
    }

    package var statistics: StateCacheStatistics {
        state.withLock {
            StateCacheStatistics(entries: $0.entries.count, bytes: $0.entries.totalCost, hits: $0.hits, misses: $0.misses)
        }
    }

    /// Forgets everything of a person, now and for folds that are under way.
    package func forget(_ owner: UUID) {
        state.withLock { state in
            for stream in state.owned[owner] ?? [] { state.remove(stream) }
            state.forgotten.set(owner, to: (), cost: 1)
            while state.forgotten.count > limits.forgottenOwners, let oldest = state.forgotten.oldestKey { state.forgotten.remove(oldest) }
        }
    }

    /// Forgets everything, and keeps nothing until `resume()`: for times in which nobody would tell of persons to be forgotten.
    package func suspend() {
        state.withLock { state in
            state.entries = LeastRecentlyUsed()
            state.owned = [:]
            state.isSuspended = true
            state.suspensions += 1
        }
    }

    /// Keeps folds again.
    package func resume() { state.withLock { $0.isSuspended = false } }

    /// Forgets what has reached its age. Linear; for once a minute.
    package func removeExpired() {
        let oldest = now() - limits.lifetime
        state.withLock { state in
            for (stream, entry) in state.entries.all where entry.since <= oldest { state.remove(stream) }
        }
    }

    /// The stream as it was folded last; nil when it is not here.
    func folded(_ stream: StreamName) -> FoldedStream<Rules>? { start(stream).folded }

    /// The state that a fold of the stream starts from.
    func start(_ stream: StreamName) -> FoldStart<Rules> {
        let now = now()
        return state.withLock { state in
            guard let entry = state.entries.use(stream), entry.since > now - limits.lifetime else {
                state.remove(stream)
                state.misses += 1
                return FoldStart(folded: nil, since: now, suspensions: state.suspensions)
            }
            state.hits += 1
            return FoldStart(folded: entry.folded, since: entry.since, suspensions: state.suspensions)
        }
    }

    /// Keeps a fold whose last event was read from the log, and drops the ones used longest ago to make room. `start` is where it began; nil for
    /// just now.
    func keep(_ folded: FoldedStream<Rules>, of stream: StreamName, from start: FoldStart<Rules>? = nil) {
        let owner = Rules.subject(of: [], in: folded.state, on: stream)
        let cost = Self.overhead + Rules.footprint(of: folded.state)
        let now = now()
        state.withLock { state in
            // A fold that would need half of the room is no help to the others. One that was not opened has to be read again once it can be.
            guard !folded.isUnopened, !state.isSuspended, start?.suspensions ?? state.suspensions == state.suspensions, folded.lastEvent != nil,
                cost <= limits.bytes / 2,
                owner.flatMap({ state.forgotten.peek($0) }) == nil
            else {
                return
            }
            let before = state.entries.peek(stream)
            if let before, before.folded.version > folded.version { return }
            state.remove(stream)
            state.entries.set(stream, to: Entry(folded: folded, owner: owner, since: before?.since ?? start?.since ?? now), cost: cost)
            if let owner { state.owned[owner, default: []].insert(stream) }
            while state.entries.count > limits.entries || state.entries.totalCost > limits.bytes, let oldest = state.entries.oldestKey {
                state.remove(oldest)
            }
        }
    }

    /// Drops a stream whose fold the log contradicts.
    func drop(_ stream: StreamName) { state.withLock { $0.remove(stream) } }

    /// Bytes that an entry takes beside its state: its name, its places in the tables.
    private static var overhead: Int { 512 }
}

/// Where a fold begins: with what the cache has of the stream, if anything.
struct FoldStart<Rules: StreamRules>: Sendable {
    let folded: FoldedStream<Rules>?
    let since: ContinuousClock.Instant
    let suspensions: Int
}

/// How much a cache of states holds, and for how long.
package struct StateCacheLimits: Sendable {
    package var entries = 10_000
    /// Bytes of all states and what it takes to keep them, as the rules reckon them.
    package var bytes = 64 << 20
    /// How long after its first fold a stream is folded from its start again.
    ///
    /// An age, not an idle time. It bounds how long personal data can outlive its key, even in a busy stream or after a missed closure. A long stream
    /// that is folded again six times an hour is still not folded for each command.
    package var lifetime: Duration = .seconds(600)
    /// Persons remembered as forgotten, the last ones. Only those matter whose text could be read when they were and whose loads are still under way.
    package var forgottenOwners = 10_000

    package init() {}
}

/// The size of a cache of states, and how often it helped.
package struct StateCacheStatistics: Sendable, Hashable {
    package let entries: Int
    package let bytes: Int
    package let hits: Int
    package let misses: Int
}
