package import CoreMetrics
import FoundationEssentials
package import Logging
package import Redis
import Synchronization

/// The limits of all gateways together, kept in Redis. When Redis does not answer in time, each gateway goes on by itself with its part of every
/// limit, from the same buckets as it knew them last, until Redis answers again. Callers never notice an error.
package final class SharedLimits: Sendable {
    package struct Settings: Sendable {
        /// How many gateways there are until Redis has told.
        package var gateways = 1
        /// How long a call waits for Redis.
        package var patience: Duration = .milliseconds(5)
        /// How often a gateway says that it is there, and for how long it is believed.
        var beat: Duration = .seconds(2)
        var lifetime: Duration = .seconds(10)
        /// The shortest and the longest time by itself before Redis is tried again.
        var rest: ClosedRange<Duration> = .milliseconds(200)...(.seconds(5))
        /// How often leases are looked through.
        var tick: Duration = .milliseconds(100)

        package init() {}
    }

    /// One call out of one bucket.
    struct Ask {
        let limiter: RateLimiter
        let key: BucketKey

        var redisKey: String { "annals:limit:\(limiter.name):\(key)" }
    }

    struct State {
        /// Of the present connection; nil while this gateway is by itself.
        var epoch: UInt16?
        var lastEpoch: UInt16 = 0
        var gateways: Int
        var hasWarned = false
        var leases: [Ask] = []
    }

    /// Leases beyond it are none: one call at a time.
    private static let mostLeases = 4096

    let redis: RedisClient
    let settings: Settings
    private let id = UUID().uuidString
    let state: Mutex<State>
    private let logger: Logger
    private let falls: Counter
    private let localCalls: Counter

    package init(_ redis: RedisClient, _ settings: Settings = Settings(), logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory) {
        self.redis = redis
        self.settings = settings
        state = Mutex(State(gateways: max(1, settings.gateways)))
        self.logger = logger
        falls = Counter(label: "annals_rate_limit_falls_total", factory: metrics)
        localCalls = Counter(label: "annals_rate_limit_local_calls_total", factory: metrics)
    }

    /// Whether Redis decides at the moment.
    var isInUse: Bool { state.withLock { $0.epoch != nil } }

    /// The gateways that share the limits, as last seen.
    var gateways: Int { state.withLock { $0.gateways } }

    // MARK: Calls

    /// Takes a call out of each bucket in turn, up to the first that is empty. Redis is asked for all of them at once.
    func take(_ asks: [Ask]) async -> [RateLimiter.Verdict] {
        guard let epoch = state.withLock({ $0.epoch }) else { return takeAlone(asks) }
        var verdicts: [RateLimiter.Verdict] = []
        var wanted: [(calls: Int, least: UInt64)] = []
        for ask in asks {
            // Once one is asked of Redis, so are those after it: they are charged only if it gives something.
            switch wanted.isEmpty ? ask.limiter.takeLeased(ask.key, epoch: epoch) : .ask(calls: 1, least: 0) {
            case .verdict(let verdict):
                verdicts.append(verdict)
                if !verdict.isAllowed { return verdicts }
            case .ask(let calls, let least): wanted.append((calls, least))
            }
        }
        guard !wanted.isEmpty else { return verdicts }
        let rest = Array(asks[verdicts.count...])
        do throws(RedisError) {
            return verdicts + (try await charge(rest, wanted, epoch))
        } catch {
            if error != .cancelled { goAlone(error, epoch) }
            return verdicts + takeAlone(rest)
        }
    }

    /// Takes a call back, as if it had never been made.
    func giveBack(_ limiter: RateLimiter, _ key: BucketKey) async { await giveBack(1, Ask(limiter: limiter, key: key)) }

    func giveBack(_ calls: Int, _ ask: Ask) async {
        guard let epoch = state.withLock({ $0.epoch }) else { return ask.limiter.giveBack(ask.key, ofGateways: gateways) }
        do throws(RedisError) {
            _ = try await charge([ask], [(-calls, 0)], epoch)
        } catch {
            if error != .cancelled { goAlone(error, epoch) }
        }
    }

    private func charge(
        _ asks: [Ask], _ wanted: [(calls: Int, least: UInt64)], _ epoch: UInt16
    ) async throws(RedisError) -> [RateLimiter.Verdict] {
        let arguments = zip(asks, wanted).flatMap { ask, wanted in
            ["\(ask.limiter.rule.interval)", "\(ask.limiter.rule.burst)", "\(wanted.calls)", "\(wanted.least)"]
        }
        let reply = try await redis.run(LimitScripts.charge, keys: asks.map(\.redisKey), arguments: arguments, within: settings.patience)
        guard let numbers = reply.array?.compactMap(\.integer), numbers.count % 2 == 0, !numbers.isEmpty, numbers.count <= 2 * asks.count else {
            throw .unreadable("numbers of calls were expected")
        }
        return asks.prefix(numbers.count / 2).enumerated().map { index, ask in
            let (given, owed) = (Int(numbers[2 * index]), UInt64(max(0, numbers[2 * index + 1])))
            let (verdict, isNewLease) = ask.limiter.learn(ask.key, given: given, owing: owed, epoch: epoch)
            if isNewLease { state.withLock { $0.leases.append(ask) } }
            return verdict
        }
    }

    private func takeAlone(_ asks: [Ask]) -> [RateLimiter.Verdict] {
        localCalls.increment()
        return Self.takeLocally(asks, ofGateways: gateways)
    }

    static func takeLocally(_ asks: [Ask], ofGateways gateways: Int = 1) -> [RateLimiter.Verdict] {
        var verdicts: [RateLimiter.Verdict] = []
        for ask in asks {
            verdicts.append(ask.limiter.take(ask.key, ofGateways: gateways))
            if verdicts.last?.isAllowed == false { break }
        }
        return verdicts
    }

    // MARK: With Redis and without

    /// Keeps up with Redis and with the other gateways until cancelled.
    package func run() async throws {
        var (lastBeat, restUntil) = (ContinuousClock.now - settings.beat, ContinuousClock.now)
        var rest = settings.rest.lowerBound
        var wasInUse = false
        func takeRest() {
            // Jittered, so that gateways don't come back in step; longer each time, so that a Redis on the brink is not tried all the time.
            restUntil = .now + rest * Double.random(in: 0.5...1)
            rest = min(rest * 2, settings.rest.upperBound)
        }
        do {
            while true {
                let isInUse = isInUse
                if isInUse { await giveBackLapsed() } else if wasInUse { takeRest() }
                wasInUse = isInUse
                if ContinuousClock.now >= (isInUse ? lastBeat + settings.beat : restUntil) {
                    lastBeat = .now
                    let hasAnswered = await beat()
                    if isInUse, hasAnswered { rest = settings.rest.lowerBound }
                    if !isInUse, !hasAnswered { takeRest() }
                }
                try await Task.sleep(for: settings.tick)
            }
        } catch {
            await leave()
            throw error
        }
    }

    /// Says that this gateway is there. True when Redis has answered in time.
    private func beat() async -> Bool {
        let epoch = state.withLock { $0.epoch }
        do throws(RedisError) {
            let lifetime = settings.lifetime / .milliseconds(1)
            let reply = try await redis.run(
                LimitScripts.beat, keys: [LimitScripts.gateways], arguments: [id, "\(Int(lifetime))"], within: settings.patience)
            guard let count = reply.integer, count > 0 else { throw .unreadable("a number of gateways was expected") }
            join(gateways: Int(count))
            return true
        } catch {
            if error != .cancelled { goAlone(error, epoch) }
            return false
        }
    }

    private func join(gateways: Int) {
        let hasReturned = state.withLock { state in
            state.gateways = gateways
            guard state.epoch == nil else { return false }
            state.lastEpoch &+= 1
            state.epoch = state.lastEpoch
            state.leases = []
            defer { state.hasWarned = false }
            return state.hasWarned
        }
        if hasReturned { logger.info("rate limits are shared again", metadata: ["gateways": "\(gateways)"]) }
    }

    /// - Parameter epoch: in which the failure happened. A late one must not end the next.
    func goAlone(_ error: RedisError, _ epoch: UInt16?) {
        let gateways: Int? = state.withLock { state in
            guard state.epoch == epoch else { return nil }
            state.epoch = nil
            defer { state.hasWarned = true }
            return state.hasWarned ? nil : state.gateways
        }
        guard let gateways else { return }
        falls.increment()
        logger.warning(
            "rate limits are not shared: each gateway keeps to its part of them", metadata: ["gateways": "\(gateways)", "reason": "\(error)"])
    }

    private func giveBackLapsed() async {
        let leases = state.withLock { state in
            defer { state.leases = [] }
            return state.leases
        }
        var kept: [Ask] = []
        for lease in leases {
            switch lease.limiter.lapse(lease.key) {
            case .nothing: break
            case .notYet: kept.append(lease)
            case .unused(let calls): await giveBack(calls, lease)
            }
        }
        state.withLock { $0.leases += kept.prefix(Self.mostLeases) }
    }

    /// The others count without this gateway from now on. Without Redis it is forgotten soon.
    private func leave() async {
        do throws(RedisError) {
            _ = try await redis.send(RedisCommand("ZREM", LimitScripts.gateways, id), within: settings.patience, isFinal: true)
        } catch {
            logger.debug("Redis was not told that this gateway ends", metadata: ["reason": "\(error)"])
        }
    }
}
