import AccessTokens
import Audit
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import PublishingAPI

/// How often something may be called.
package struct RateLimitSettings: Sendable, Equatable {
    /// Each caller, all calls together; nil is no limit.
    package var calls: RateLimit?
    /// Each address, signing in; each caller, other calls that ask for a password.
    package var logins: RateLimit?
    /// Each address, registering. It also bounds how fast somebody can find out which addresses are taken.
    package var registrations: RateLimit?

    package init(
        calls: RateLimit? = RateLimit(100, in: .seconds(60)), logins: RateLimit? = RateLimit(20, in: .seconds(60)),
        registrations: RateLimit? = RateLimit(10, in: .seconds(60))
    ) {
        self.calls = calls
        self.logins = logins
        self.registrations = registrations
    }

    package static let off = RateLimitSettings(calls: nil, logins: nil, registrations: nil)
}

/// The rate limits of one gateway.
///
/// A caller is the holder of a good token, else the client's address. A bad token is charged to its address in a bucket of its own, so a good one
/// never pays for bad ones. With Redis all gateways charge the same buckets.
package struct RateLimits: Sendable {
    private let calls: RateLimiter?
    private let logins: RateLimiter?
    private let registrations: RateLimiter?
    private let badTokens: RateLimiter?
    private let shared: SharedLimits?

    /// - Parameters:
    ///   - shared: the same limits in Redis; nil keeps them in this process.
    ///   - now: nanoseconds of a clock that only goes forward.
    package init(
        _ settings: RateLimitSettings, shared: SharedLimits? = nil, now: @escaping @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds }
    ) {
        func limiter(_ name: String, _ limit: RateLimit?) -> RateLimiter? { limit.map { RateLimiter(name, $0, now: now) } }
        calls = limiter("default", settings.calls)
        logins = limiter("login", settings.logins)
        registrations = limiter("registration", settings.registrations)
        badTokens = limiter("bad-token", settings.calls)
        self.shared = shared
    }

    /// Whether Redis decides at the moment.
    package var areShared: Bool { shared?.isInUse ?? false }

    /// Whether all of them are kept in this process.
    var areOwn: Bool { shared == nil }

    /// Keeps up with Redis and with the other gateways until cancelled.
    package func run() async throws {
        if let shared { return try await shared.run() }
        // A service that returns would end the others.
        while true { try await Task.sleep(for: .seconds(86_400)) }
    }

    /// The charge for one call.
    struct Charge {
        /// Tell the caller how much is left.
        var headers: HTTPFields = [:]
        /// The maker of the call.
        fileprivate var caller: BucketKey?
        /// Where a registration was taken for what the call might find out.
        fileprivate var claimant: BucketKey?

        /// Tells the caller, unless the answer says so itself.
        func mark(_ answer: inout HTTPFields) {
            for field in headers where !answer.contains(field.name) { answer[field.name] = field.value }
        }
    }

    /// Charges a call. 429 when nothing is left.
    /// - Parameters:
    ///   - match: unknown paths are charged as any call.
    ///   - token: the verified token, or why there is none.
    ///   - address: the client's.
    func charge(
        _ request: Request, _ match: Result<EndpointRouter.Match, Problem>, _ token: Result<VerifiedToken?, Problem>, from address: String?
    ) async throws(Problem) -> Charge {
        switch bill(request, match, token, from: address) {
        case .nothing: Charge()
        case .one(let limiter, let key, let caller): Charge(headers: try await take(limiter, key), caller: caller)
        case .claim(let caller, let address):
            Charge(headers: try await take((calls, caller), then: (registrations, address)), claimant: address)
        }
    }

    /// The same without waiting; nil, and nothing is charged, where that can't be.
    func chargeAtOnce(
        _ request: Request, _ match: EndpointMatch, _ token: VerifiedToken?, from address: String?
    ) throws(Problem) -> Charge? {
        if shared != nil { return nil }
        switch bill(request, .success(.endpoint(match)), .success(token), from: address) {
        case .nothing: return Charge()
        case .one(let limiter, let key, let caller):
            return Charge(
                headers: try limiter.map { limiter throws(Problem) in try limiter.headers(for: limiter.take(key)) } ?? [:], caller: caller)
        case .claim: return nil
        }
    }

    /// The buckets that a call is taken out of.
    private enum Bill {
        case nothing
        case one(RateLimiter?, BucketKey, caller: BucketKey? = nil)
        /// Before the call, or many at once would find out as much as they like.
        case claim(caller: BucketKey, address: BucketKey)
    }

    private func bill(
        _ request: Request, _ match: Result<EndpointRouter.Match, Problem>, _ token: Result<VerifiedToken?, Problem>, from address: String?
    ) -> Bill {
        guard let limit = Self.limit(of: request, match) else { return .nothing }
        let address = BucketKey.address(address)
        let ignoresCredentials = match.endpoint?.route.ignoresCredentials == true
        var user: SignedInUser?
        switch token {
        case .success(let token): user = token?.claims.user
        case .failure(let problem):
            // When nobody knows whether the token is good, nobody is to blame: the address pays as for any call.
            guard problem.code == .unauthenticated, !ignoresCredentials else { break }
            return .one(badTokens, address)
        }
        if let user, user.isOperator { return .nothing }
        let caller = user.map { BucketKey.user($0.id) } ?? address
        return switch limit {
        // A token must not buy more guesses.
        case .login: .one(logins, address)
        case .registration: .one(registrations, address)
        case .password: .one(logins, caller)
        case .calls, .partialTiles: .one(calls, caller, caller: caller)
        case .claims: .claim(caller: caller, address: address)
        case .uncounted: .nothing
        }
    }

    /// Takes a call out of a bucket. Headers that tell what is left, or 429.
    private func take(_ limiter: RateLimiter?, _ key: BucketKey) async throws(Problem) -> HTTPFields {
        guard let limiter else { return [:] }
        guard let shared else { return try limiter.headers(for: limiter.take(key)) }
        let verdicts = await shared.take([SharedLimits.Ask(limiter: limiter, key: key)])
        return try limiter.headers(for: verdicts[0])
    }

    /// Takes a call out of one bucket and then of another, unless the first is empty. The headers of the first, or 429.
    private func take(
        _ first: (limiter: RateLimiter?, key: BucketKey), then second: (limiter: RateLimiter?, key: BucketKey)
    ) async throws(Problem) -> HTTPFields {
        guard let shared, let one = first.limiter, let two = second.limiter else {
            let headers = try await take(first.limiter, first.key)
            _ = try await take(second.limiter, second.key)
            return headers
        }
        let verdicts = await shared.take([SharedLimits.Ask(limiter: one, key: first.key), SharedLimits.Ask(limiter: two, key: second.key)])
        let headers = try one.headers(for: verdicts[0])
        if verdicts.count > 1 { _ = try two.headers(for: verdicts[1]) }
        return headers
    }

    /// Charges what the service says that the call counts for beside the one. 429 when not all of it is left.
    func chargeFurther(_ charge: inout Charge, _ response: inout Response) async throws(Problem) {
        guard let further = response.headers[.furtherCalls].flatMap({ Int($0) }) else { return }
        response.headers[.furtherCalls] = nil
        guard let caller = charge.caller, let calls else { return }
        let verdict = await shared?.take(further, of: calls, caller) ?? calls.take(caller, calls: calls.bounded(further))
        charge.headers = try calls.headers(for: verdict)
    }

    /// Gives back what was taken for a claim that told nothing of names or emails, neither that one is taken nor that it was free.
    func settle(_ charge: Charge, _ response: inout Response) async {
        let hasClaimed = response.headers[.claimed] != nil
        response.headers[.claimed] = nil
        guard let claimant = charge.claimant, let registrations, response.status != .conflict, !hasClaimed else { return }
        if let shared { await shared.giveBack(registrations, claimant) } else { registrations.giveBack(claimant) }
    }

    /// Which limit a call counts for; nil for none. By the endpoint, not by the path as it was written: `%6Cogin` is a login, too.
    private static func limit(of request: Request, _ match: Result<EndpointRouter.Match, Problem>) -> Route.Limit? {
        switch match {
        case .success(.options): return CrossOrigin.isPreflight(request) ? nil : .calls
        case .failure: return .calls
        case .success(.endpoint(let match)):
            switch match.endpoint.route.limit {
            case .uncounted: return nil
            case .partialTiles: return match.parameters.isFullTile ? nil : .calls
            case .calls, .login, .registration, .password, .claims: return match.endpoint.route.limit
            }
        }
    }
}

extension Parameters {
    /// Whether it is the path of a full tile (C2SP tlog-tiles). A partial one may be asked for again and again, and everything else is no tile.
    fileprivate var isFullTile: Bool { self["path"].flatMap { Tile(path: "tile/" + $0) }?.isFull ?? false }
}
