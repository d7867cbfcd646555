import EventSourcing
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import HTTPContract

@Suite(.timeLimit(.minutes(5))) struct `A live feed` {
    /// One watcher, read part by part.
    private struct Watch {
        let watcher = FeedWatcher()
        var reader: FeedReader
        private(set) var text = ""

        init(_ feed: LiveFeed, _ start: FeedStart, _ filter: FeedFilter = FeedFilter(), isAdmitted: (@Sendable () async -> Bool)? = nil) {
            reader = FeedReader(feed, watcher, from: start, filter, isAdmitted: isAdmitted)
            feed.join(watcher)
        }

        /// The ids that were sent.
        var ids: [Int64] { text.split(separator: "\n").compactMap { $0.hasPrefix("id: ") ? Int64($0.dropFirst(4)) : nil } }

        /// Reads until the last id is this one, or to the end.
        mutating func read(to position: Int64 = .max) async throws {
            while ids.last ?? -1 < position, let part = try await reader.next() { text += String(buffer: part) }
        }
    }

    private static func withFeed(
        head: Int64 = 0, limits: LiveFeed.Limits = LiveFeed.Limits(), clock: any Clock<Duration> = StoppedClock(),
        _ body: (LiveFeed, PlayedSource) async throws -> Void
    ) async throws {
        let source = PlayedSource(head: head)
        let feed = LiveFeed("test", source, limits: limits, clock: clock, logger: .silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed.run() }
            defer { group.cancelAll() }
            try await body(feed, source)
        }
    }

    @Test func `begins with a heartbeat that has the head, and goes on with what is appended`() async throws {
        try await Self.withFeed(head: 7) { feed, source in
            var watch = Watch(feed, try await feed.start(after: nil))
            try await watch.read(to: 7)
            #expect(watch.text == "retry: 2000\nevent: heartbeat\nid: 7\ndata: {\"head\":7}\n\n")
            source.append(3)
            try await watch.read(to: 10)
            #expect(watch.ids == [7, 8, 9, 10])
        }
    }

    @Test func `replays from any position, and then goes on without a gap or a repeat`() async throws {
        try await Self.withFeed(head: 1234) { feed, source in
            for start: Int64 in [0, 1, 199, 200, 201, 999, 1233, 1234] {
                var watch = Watch(feed, try await feed.start(after: start))
                try await watch.read(to: start < 1234 ? 1234 : start)
                let head = source.last + 5
                source.append(5)
                try await watch.read(to: head)
                #expect(watch.ids == Array(start + 1...head))
                feed.leave(watch.watcher)
            }
        }
    }

    @Test func `gives each position once to readers who come and go at random`() async throws {
        try await Self.withFeed(head: 50) { feed, source in
            let seed = UInt64.random(in: 1...999_999)
            print("seed \(seed)")
            var random = SeededRandom(seed: seed)
            var seen: [Int64] = []
            while seen.last ?? 0 < 2000 {
                if source.last < 2000 { source.append(Int.random(in: 1...90, using: &random)) }
                var watch = Watch(feed, try await feed.start(after: seen.last ?? 0))
                try await watch.read(to: min(source.last, (seen.last ?? 0) + Int64.random(in: 1...400, using: &random)))
                seen += watch.ids
                feed.leave(watch.watcher)
            }
            #expect(seen == Array(1...Int64(seen.count)))
        }
    }

    @Test func `tells at once that the log does not have a position`() async throws {
        try await Self.withFeed(head: 5) { feed, _ in
            await #expect(throws: Problem.positionAhead(of: 5)) { try await feed.start(after: 6) }
        }
    }

    @Test func `tells one who is too far back to begin anew`() async throws {
        try await Self.withFeed(head: 500) { feed, source in
            guard case .resume = try await feed.start(after: 400, longestReplay: 100) else { throw Problem.notFound() }
            var watch = Watch(feed, try await feed.start(after: 399, longestReplay: 100))
            try await watch.read(to: 500)
            #expect(watch.text == "retry: 2000\nevent: reset\nid: 500\ndata: {\"head\":500}\n\n")
            source.append()
            try await watch.read(to: 501)
            #expect(watch.ids == [500, 501])
        }
    }

    @Test func `gives only what its reader wants, and tells with a heartbeat how far that has come`() async throws {
        var limits = LiveFeed.Limits()
        limits.heartbeat = .milliseconds(5)
        try await Self.withFeed(limits: limits, clock: ContinuousClock()) { feed, source in
            var watch = Watch(feed, try await feed.start(after: 0), FeedFilter(names: ["even"]))
            source.append(9)
            try await watch.read(to: 9)
            #expect(watch.ids == [2, 4, 6, 8, 9] && watch.text.contains("event: heartbeat\nid: 9\ndata: {\"head\":9}\n\n"))
        }
    }

    @Test func `reads the log once for five thousand watchers, and renders each page once`() async throws {
        try await Self.withFeed(head: 150) { feed, source in
            let done = Count()
            try await withThrowingTaskGroup(of: [Int64].self) { group in
                for number in 0..<5000 {
                    group.addTask {
                        var watch = Watch(feed, .resume(after: Int64(number % 100), head: 150))
                        try await watch.read(to: 150)
                        done.increase()
                        try await watch.read(to: 160)
                        feed.leave(watch.watcher)
                        return watch.ids
                    }
                }
                try await eventually { done.value == 5000 }
                #expect(feed.watcherCount == 5000)
                for _ in 0..<10 { source.append() }
                var started: Set<Int64> = []
                for try await ids in group {
                    #expect(ids == Array(ids[0]...160))
                    started.insert(ids[0])
                }
                #expect(started.count == 100)
            }
            #expect(source.follows == 1)
            // One of the past, and at most one for each append.
            #expect(source.renderings <= 11)
            #expect(feed.watcherCount == 0)
        }
    }

    @Test func `does not read the log while nobody watches`() async throws {
        try await Self.withFeed(clock: StoppedClock()) { feed, source in
            #expect(source.follows == 0)
            var watch = Watch(feed, try await feed.start(after: 0))
            source.append()
            try await watch.read(to: 1)
            feed.leave(watch.watcher)
            // The watcher may have been given what was there before it is followed.
            try await eventually { source.follows == 1 }
        }
    }

    @Test func `tells a slow reader so, and ends`() async throws {
        var limits = LiveFeed.Limits()
        limits.backlog = 10
        try await Self.withFeed(limits: limits) { feed, source in
            var (slow, quick) = (Watch(feed, try await feed.start(after: nil)), Watch(feed, try await feed.start(after: nil)))
            source.append(3)
            try await slow.read(to: 3)
            source.append(11)
            try await quick.read(to: 14)
            slow.reader.lastWrite = limits.stall
            try await slow.read()
            #expect(slow.text.hasSuffix("event: end\ndata: {\"reason\":\"slow_reader\"}\n\n") && slow.ids.last == 3)
            #expect(quick.ids == Array(0...14))
        }
    }

    @Test func `lets one catch up who resumes from far back, or whom the server has kept waiting`() async throws {
        var limits = LiveFeed.Limits()
        limits.backlog = 10
        try await Self.withFeed(head: 1000, limits: limits) { feed, source in
            var watch = Watch(feed, try await feed.start(after: 0))
            watch.reader.lastWrite = limits.stall
            try await watch.read(to: 1000)
            #expect(watch.ids.count == 1000)
            watch.reader.lastWrite = .zero
            source.append(100)
            try await watch.read(to: 1100)
            #expect(watch.ids.count == 1100)
        }
    }

    @Test func `does not show what was taken back since to one who lags behind`() async throws {
        try await Self.withFeed { feed, source in
            var quick = Watch(feed, try await feed.start(after: 0))
            source.append(3)
            try await quick.read(to: 3)
            #expect(quick.ids == [1, 2, 3])
            source.withdraw(2)
            try await quick.read(to: 4)
            var late = Watch(feed, try await feed.start(after: 0))
            try await late.read(to: 4)
            #expect(late.ids == [1, 3, 4])
        }
    }

    @Test func `ends when its reader is signed out`() async throws {
        var limits = LiveFeed.Limits()
        limits.heartbeat = .milliseconds(5)
        try await Self.withFeed(limits: limits, clock: ContinuousClock()) { feed, _ in
            var watch = Watch(feed, try await feed.start(after: 0)) { false }
            try await watch.read()
            #expect(watch.text == "retry: 2000\nevent: end\ndata: {\"reason\":\"signed_out\"}\n\n")
        }
    }

    @Test func `ends all when the log is another one, and begins anew`() async throws {
        try await Self.withFeed(head: 5) { feed, source in
            var watch = Watch(feed, try await feed.start(after: 4))
            try await watch.read(to: 5)
            source.rewrite()
            try await watch.read()
            #expect(watch.text.hasSuffix("event: end\ndata: {\"reason\":\"log_rewritten\"}\n\n"))
        }
    }

    @Test func `ends all when the process stops`() async throws {
        let source = PlayedSource(head: 5)
        let feed = LiveFeed("test", source, clock: StoppedClock(), logger: .silent)
        var watch = Watch(feed, .resume(after: 4, head: 5))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed.run() }
            try await watch.read(to: 5)
            group.cancelAll()
        }
        try await watch.read()
        #expect(watch.text.hasSuffix("event: end\ndata: {\"reason\":\"shutdown\"}\n\n"))
    }

    @Test func `lets go of one whose connection is gone`() async throws {
        try await Self.withFeed { feed, _ in
            var watch = Watch(feed, try await feed.start(after: 0))
            watch.watcher.end(.gone)
            _ = try await watch.reader.next()
            await #expect(throws: CancellationError.self) { try await watch.read() }
        }
    }
}

private final class Count: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func increase() { count.withLock { $0 += 1 } }
}
