package import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore

/// What may be called how often.
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

/// What kind of call it is to the limits.
package enum CallKind: Sendable {
    case registration
    case login
    /// One that asks a signed-in user for the password again.
    case password
    case other
}

/// The rate limits of one gateway.
///
/// A caller is the user of a token that this gateway has verified itself, else the client's address. An unverified token chooses nobody's bucket: it counts for its
/// sender's address, in a bucket of its own that also bounds how many signatures one address can have checked.
package struct RateLimits: Sendable {
    private let calls: RateLimiter?
    private let logins: RateLimiter?
    private let registrations: RateLimiter?
    private let badTokens: RateLimiter?
    private let verifier: TokenVerifier

    /// - Parameter now: nanoseconds of a clock that only goes forward.
    package init(
        _ settings: RateLimitSettings, verifier: TokenVerifier,
        now: @escaping @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds }
    ) {
        func limiter(_ limit: RateLimit?) -> RateLimiter? { limit.map { RateLimiter($0, now: now) } }
        calls = limiter(settings.calls)
        logins = limiter(settings.logins)
        registrations = limiter(settings.registrations)
        badTokens = limiter(settings.calls)
        self.verifier = verifier
    }

    /// The gateway's `Admission`.
    package var admission: Admission {
        { request, context, kind throws(Problem) in try await admit(request, context, kind) }
    }

    private func admit(_ request: Request, _ context: CallContext, _ kind: CallKind) async throws(Problem) -> HTTPFields {
        guard let limiter = limiter(of: kind) else { return [:] }
        let address = BucketKey.address(context.clientAddress)
        let user = try await user(of: request, at: address)
        if let user, user.isOperator { return [:] }
        let key =
            switch kind {
            // A token must not buy more guesses.
            case .registration, .login: address
            case .password, .other: user.map { BucketKey.user($0.id) } ?? address
            }
        return try Self.headers(limiter.take(key))
    }

    private func limiter(of kind: CallKind) -> RateLimiter? {
        switch kind {
        case .registration: registrations
        case .login, .password: logins
        case .other: calls
        }
    }

    /// The bearer of a good token; nil without one. 429 when too many bad ones came from the address.
    private func user(of request: Request, at address: BucketKey) async throws(Problem) -> SignedInUser? {
        guard let token = Authentication.token(of: request) else { return nil }
        if let user = verifier.recall(token) { return user }
        if let badTokens { _ = try Self.headers(badTokens.take(address)) }
        let user: SignedInUser?
        do throws(Problem) {
            user = try await verifier.verify(token)
        } catch {
            // The token is bad, which counts. Or that can't be found out now: then the services will refuse, and nobody is to blame.
            if error.code == .unauthenticated { return nil }
            user = nil
        }
        badTokens?.giveBack(address)
        return user
    }

    private static func headers(_ verdict: RateLimiter.Verdict) throws(Problem) -> HTTPFields {
        let headers: HTTPFields = [
            .rateLimitLimit: "\(verdict.limit)", .rateLimitRemaining: "\(verdict.remaining)", .rateLimitReset: "\(verdict.reset)",
        ]
        guard verdict.isAllowed else { throw .rateLimited(retryAfter: verdict.retryAfter, headers: headers) }
        return headers
    }
}
