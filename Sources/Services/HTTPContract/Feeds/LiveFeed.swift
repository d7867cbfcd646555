import CoreMetrics
import EventSourcing
package import Logging
import NIOCore
import Synchronization

/// The log as it grows, for any number of watchers of this process: one subscription reads it, each page is rendered once, and watchers take from
/// it at their own pace.
///
/// A watcher holds a position and no buffer. What it wants next is in one of the pages that were kept for all, or is rendered anew from the log. So
/// a slow reader costs no memory, and a resume at any position is a replay of the log.
package final class LiveFeed: Sendable {
    package struct Limits: Sendable {
        /// Between two heartbeats.
        package var heartbeat: Duration = .seconds(15)
        /// How many events a watcher may fall behind, once it has caught up, …
        package var backlog: Int64 = 1024
        /// … when it has not taken what was sent for so long.
        package var stall: Duration = .seconds(1)
        /// Watchers at a time.
        package var watchers = 10_000
        /// Bytes of all pages that are kept, about.
        package var keptBytes = 16 << 20

        package init() {}
    }

    struct State {
        var watchers: [ObjectIdentifier: FeedWatcher] = [:]
        /// How far the subscription has come; nil while there is none.
        var last: Int64?
        var pages = FeedPages()
        var beats = 0
        /// Replays under way, by where they start.
        var replays: [Int64: Signal] = [:]
        var hasWarned = false
    }

    /// Replays start at multiples of it, so that watchers at about the same place share them.
    package static let replaySize = 200

    package let name: String
    let limits: Limits
    let source: any FeedSource
    let clock: any Clock<Duration>
    let logger: Logger
    let state = Mutex(State())
    let isWanted = Signal()
    let isUnwatched = Signal()
    private let watcherGauge: Gauge
    private let slowReaders: Counter

    /// - Parameter name: the feed's name in metrics and the log.
    package init(
        _ name: String, _ source: any FeedSource, limits: Limits = Limits(), clock: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.name = name
        self.source = source
        self.limits = limits
        self.clock = clock
        self.logger = logger
        watcherGauge = Gauge(label: "annals_feed_watchers", dimensions: [("feed", name)])
        slowReaders = Counter(label: "annals_feed_slow_readers_total", dimensions: [("feed", name)])
        watcherGauge.record(0)
    }

    // MARK: Watchers

    /// How many watch.
    package var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// The last position of the log that is known to have `position`; asks the log where the subscription has not come so far.
    func head(reaching position: Int64) async throws -> Int64 {
        if let last = state.withLock({ $0.last }), last >= position { return last }
        return try await source.head()
    }

    func join(_ watcher: FeedWatcher) {
        let count = state.withLock { state in
            state.watchers[ObjectIdentifier(watcher)] = watcher
            return state.watchers.count
        }
        watcherGauge.record(count)
        isWanted.raise()
    }

    func leave(_ watcher: FeedWatcher) {
        let count = state.withLock { state in
            state.watchers[ObjectIdentifier(watcher)] = nil
            return state.watchers.count
        }
        watcherGauge.record(count)
        if watcher.ending == .slowReader { slowReaders.increment() }
    }

    func wakeAll() {
        for watcher in state.withLock({ Array($0.watchers.values) }) { watcher.wake() }
    }

    func endAll(_ ending: FeedEnding) {
        for watcher in state.withLock({ Array($0.watchers.values) }) { watcher.end(ending) }
    }

    // MARK: Pages

    /// The next step for a watcher who has everything up to a position.
    enum Next {
        case page(FeedPage)
        /// The log has more, which is not at hand.
        case replay
        case nothing
    }

    /// The next step, how far the log has come, and how many heartbeats there were.
    func next(after position: Int64) -> (next: Next, head: Int64, beats: Int) {
        state.withLock { state in
            guard let last = state.last, position < last else { return (.nothing, state.last ?? position, state.beats) }
            if let page = state.pages.page(after: position) { return (.page(page), last, state.beats) }
            return (.replay, last, state.beats)
        }
    }

    /// Renders what the log has after a position, together with others who want the same.
    func replay(after position: Int64) async throws -> FeedPage {
        // A page may end early, with its bytes: then the next one starts there.
        var start = position / Int64(Self.replaySize) * Int64(Self.replaySize)
        while true {
            let page = try await sharedPage(after: start)
            if page.through > position { return page }
            guard page.through > start else { throw EventStoreError.broken(reason: "nothing follows position \(start)") }
            start = page.through
        }
    }

    private func sharedPage(after start: Int64) async throws -> FeedPage {
        while true {
            enum Turn { case found(FeedPage), wait(Signal), read(generation: Int) }
            let turn: Turn = state.withLock { state in
                if let page = state.pages.page(after: start) { return .found(page) }
                if let replay = state.replays[start] { return .wait(replay) }
                state.replays[start] = Signal()
                return .read(generation: state.pages.generation)
            }
            switch turn {
            case .found(let page): return page
            case .wait(let replay): try await replay.wait()
            case .read(let generation):
                defer { state.withLock { $0.replays.removeValue(forKey: start) }?.finish() }
                let page = try await source.page(after: start)
                state.withLock { state in
                    // A page with something that was taken back meanwhile must not be kept.
                    if state.pages.generation == generation { state.pages.add(page, upTo: limits.keptBytes) }
                }
                return page
            }
        }
    }
}
