import AccessTokens
import EventSourcing
import FoundationEssentials
import Logging
import Synchronization
import TestSupport
import Testing

/// A moment of a clock that nobody sets.
private let start = ContinuousClock.now

@Suite(.timeLimit(.minutes(5))) struct `The list of revocations` {
    private let issuer = Issuer()

    private func holds(_ list: RevocationList) async throws -> Bool {
        let key = issuer.key.publicKey
        let verifier = TokenVerifier(revocations: list, now: { noon }) { [key] }
        return await refusal(verifier, try issuer.key.sign(issuer.token())) == nil
    }

    @Test func `keeps an ended session for as long as the longest tokens that may be set, and forgets it then`() async throws {
        let list = RevocationList()
        list.add(Revocations(sessions: [issuer.session]), askedAt: start)
        for hour in 1...24 {
            list.add(Revocations(), askedAt: start + .seconds(hour * 3600))
            #expect(try await !holds(list), "after \(hour) hours")
        }
        for hour in [25, 50] { list.add(Revocations(), askedAt: start + .seconds(hour * 3600)) }
        #expect(list.count == 0)
    }

    @Test func `keeps what users were cut off for a day and more: operators' tokens live for one`() async throws {
        let list = RevocationList()
        list.add(Revocations(users: [issuer.subject: 6]), askedAt: start)
        for hour in 1...24 { list.add(Revocations(), askedAt: start + .seconds(hour * 3600)) }
        #expect(try await !holds(list))
        for hour in 25...28 { list.add(Revocations(), askedAt: start + .seconds(hour * 3600)) }
        #expect(list.count == 0)
    }

    @Test func `never takes a cut back`() async throws {
        let list = RevocationList()
        list.add(Revocations(users: [issuer.subject: 6]), askedAt: start)
        list.add(Revocations(users: [issuer.subject: 3]), askedAt: start)
        #expect(try await !holds(list))
    }

    @Test func `is held against tokens that were checked a moment ago, too`() async throws {
        let list = RevocationList()
        let key = issuer.key.publicKey
        let verifier = TokenVerifier(revocations: list, now: { noon }) { [key] }
        let token = try issuer.key.sign(issuer.token())
        #expect(await refusal(verifier, token) == nil)
        list.add(Revocations(sessions: [issuer.session]), askedAt: start)
        #expect(await refusal(verifier, token) == .bad)
    }

    @Test func `names keys that nobody is believed with any more, whenever their tokens were made`() async throws {
        let list = RevocationList()
        let stolen = Issuer()
        let keys = [issuer.key.publicKey, stolen.key.publicKey]
        let verifier = TokenVerifier(revocations: list, now: { noon }) { keys }
        let token = try stolen.key.sign(stolen.token())
        #expect(await refusal(verifier, token) == nil)
        list.add(Revocations(keys: [stolen.key.kid]), askedAt: start)
        #expect(await refusal(verifier, token) == .bad)
        #expect(await refusal(verifier, try stolen.key.sign(stolen.token(issuedAt: noon.advanced(by: .seconds(29))))) == .bad)
        #expect(await refusal(verifier, try issuer.key.sign(issuer.token())) == nil)
    }

    @Test func `grows old though the wall clock is put back`() async throws {
        let (clock, wall) = (Clock(), Clock())
        let list = RevocationList(patience: .seconds(60), uptime: { clock.uptime })
        let key = issuer.key.publicKey
        let verifier = TokenVerifier(revocations: list, now: { wall.now }) { [key] }
        let token = try issuer.key.sign(issuer.token(issuedAt: noon.advanced(by: .seconds(-3600))))
        list.add(Revocations(), askedAt: clock.uptime)
        wall.advance(.seconds(-3600))
        #expect(await refusal(verifier, token) == nil)
        clock.advance(.seconds(61))
        #expect(await refusal(verifier, token) == .unavailable)
    }

    @Test func `lets a known ending stand while the feed is away, and answers 503 for the rest`() async throws {
        let clock = Clock()
        let list = RevocationList(patience: .seconds(60), uptime: { clock.uptime })
        let key = issuer.key.publicKey
        let verifier = TokenVerifier(revocations: list, now: { clock.now }) { [key] }
        let token = try issuer.key.sign(issuer.token())
        #expect(await refusal(verifier, token) == .unavailable)
        list.add(Revocations(), askedAt: clock.uptime)
        clock.advance(.seconds(60))
        #expect(await refusal(verifier, token) == nil)
        clock.advance(.seconds(1))
        #expect(await refusal(verifier, token) == .unavailable)
        list.add(Revocations(sessions: [issuer.session]), askedAt: start)
        #expect(await refusal(verifier, token) == .bad)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A follower of revocations` {
    /// A feed that a test writes, takes away, and asks what it was asked.
    private final class Feed: Sendable {
        private let state = Mutex((news: Revocations(), isDown: false, cursors: [String?]()))
        var cursors: [String?] { state.withLock { $0.cursors } }
        func tell(_ news: Revocations) { state.withLock { $0.news = news } }
        func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
        func answer(_ cursor: String?) throws -> RevocationUpdate {
            try state.withLock { state in
                state.cursors.append(cursor)
                if state.isDown { throw CancellationError() }
                return RevocationUpdate(cursor: "\(state.cursors.count)", revocations: state.news)
            }
        }
    }

    /// Sleeps last for as long as somebody counts them.
    private final class CountedSleeps: _Concurrency.Clock {
        struct Instant: InstantProtocol {
            var offset = Duration.zero
            func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
            func duration(to other: Instant) -> Duration { other.offset - offset }
            static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
        }

        private let naps = Mutex<[Duration]>([])
        var sleeps: [Duration] { naps.withLock { $0 } }
        var now: Instant { Instant() }
        var minimumResolution: Duration { .zero }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws {
            naps.withLock { $0.append(deadline.offset) }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    private let feed = Feed()
    private let list = RevocationList(patience: .seconds(60))

    private func follower(_ signal: Signal = Signal(), clock: any _Concurrency.Clock<Duration> = ContinuousClock())
        -> RevocationFollower
    {
        RevocationFollower(list, signal: signal, clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) {
            [feed] in try feed.answer($0)
        }
    }

    @Test func `asks for everything first, and then for what is new`() async {
        let follower = follower()
        await follower.look()
        feed.setDown(true)
        #expect(await !follower.look())
        feed.setDown(false)
        await follower.look()
        await follower.look()
        #expect(feed.cursors == [nil, "1", "1", "3"])
    }

    @Test func `looks every five seconds by itself, and every second while the feed is away`() async throws {
        let clock = CountedSleeps()
        let follower = follower(clock: clock)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.run() }
            try await eventually { clock.sleeps.count >= 3 }
            feed.setDown(true)
            try await eventually { clock.sleeps.contains(.seconds(1)) }
            group.cancelAll()
        }
        #expect(Set(clock.sleeps) == [.seconds(5), .seconds(1)])
        #expect(feed.cursors.count >= 3)
    }

    @Test func `is not told twice in vain: a signal between two waits is kept, and one is enough`() async throws {
        let signal = Signal()
        let follower = follower(signal, clock: StoppedSleep())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.run() }
            try await eventually { !feed.cursors.isEmpty }
            for looks in 2...20 {
                signal.raise()
                try await eventually { feed.cursors.count >= looks }
            }
            group.cancelAll()
        }
        // A signal that comes during a look leads to one more look; none leads to none.
        #expect(20...39 ~= feed.cursors.count)
    }

    /// A clock nobody's sleep ends by.
    private struct StoppedSleep: _Concurrency.Clock {
        typealias Instant = CountedSleeps.Instant
        var now: Instant { Instant() }
        var minimumResolution: Duration { .zero }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws {
            let (never, _) = AsyncStream.makeStream(of: Never.self)
            for await _ in never {}
            throw CancellationError()
        }
    }
}
