package import AccessTokens
import EventSourcing
import HTTPTypes
package import Hummingbird
package import PublishingAPI
import Synchronization

/// Finds out who calls from the request alone. Nothing that another process says of the caller is believed.
package struct Authentication: Sendable {
    private let verifier: TokenVerifier?
    private let services: ServiceKeys?
    private let gateways = GatewayTokens()

    /// - Parameters:
    ///   - verifier: checks users' tokens; without one, every user is anonymous.
    ///   - services: check other services' tokens; without them, no service is known.
    package init(verifier: TokenVerifier?, services: ServiceKeys? = nil) {
        self.verifier = verifier
        self.services = services
    }

    /// The verified token of a request; nil when it brings none. A bad one is an error even where none is needed: a client with an expired token
    /// should learn of it.
    package func token(of request: Request, for access: Route.Access) async throws(Problem) -> VerifiedToken? {
        guard let verifier, let authorization = request.header(.authorization) else { return nil }
        guard let text = Self.bearerToken(authorization) else {
            if access == .anyone { return nil }
            throw .unauthenticated("Only Bearer tokens are accepted.")
        }
        do {
            return try await verifier.verify(text)
        } catch {
            throw Problem(error)
        }
    }

    /// The same from what was verified a moment ago, without waiting. Nil when that does not tell.
    package func knownToken(of request: Request) -> KnownToken? {
        guard let verifier, let authorization = request.header(.authorization) else { return KnownToken.none }
        guard let text = Self.bearerToken(authorization), let token = verifier.known(text) else { return nil }
        return .token(token)
    }

    /// The caller of a service's endpoint.
    func caller(of request: Request, for endpoint: Endpoint, of service: ServiceName) async throws(Problem) -> Caller {
        guard !endpoint.route.ignoresCredentials else { return .anonymous }
        if let token = try await token(of: request, for: endpoint.route.access) { return try Caller(token, calling: service) }
        guard let text = request.header(.serviceToken)?.string else { return .anonymous }
        guard let name = services?.verify(text, audience: service) else { throw .unauthenticated("The service token is not valid.") }
        return .service(name)
    }

    /// The client's address, as the gateway of another process says it beside a token of its own; nil from anyone else.
    func client(of request: Request, for service: ServiceName) -> String? {
        guard let services, let client = request.header(.client), let token = request.header(.gatewayToken)?.string else { return nil }
        guard gateways.isGood(token, { services.verify(token, audience: service) == .gateway }) else { return nil }
        return NetworkAddress(client.text)?.description
    }

    /// The token of `Bearer <token>` (RFC 6750 §2.1), nil for another scheme. The scheme's case does not matter.
    private static func bearerToken(_ authorization: WireText) -> String? {
        guard let (scheme, token) = authorization.cut(at: " "), scheme.isWord("bearer") else { return nil }
        return token.trimmingBlanks.string
    }
}

/// The token of a request, where that can be told at once.
package enum KnownToken: Sendable {
    case none
    case token(VerifiedToken)

    package var token: VerifiedToken? {
        switch self {
        case .none: nil
        case .token(let token): token
        }
    }
}

/// The gateways' tokens that were good a moment ago: one comes with each of many requests, and costs more to verify than most cost to answer.
private final class GatewayTokens: Sendable {
    private static let reuse = Duration.seconds(30)
    private static let maximum = 64

    private let good = Mutex<[String: ContinuousClock.Instant]>([:])

    func isGood(_ token: String, _ verify: () -> Bool) -> Bool {
        let now = ContinuousClock.now
        if good.withLock({ $0[token].map { now < $0 } ?? false }) { return true }
        guard verify() else { return false }
        good.withLock { good in
            if good.count >= Self.maximum { good.removeAll() }
            good[token] = now + Self.reuse
        }
        return true
    }
}

extension Caller {
    /// The token's holder, as a service knows them for whom the token must be meant.
    init(_ token: VerifiedToken, calling service: ServiceName) throws(Problem) {
        do {
            self = .user(try token.user(for: service.rawValue))
        } catch {
            throw Problem(error)
        }
    }
}

extension Problem {
    /// 401 for a token that is not good, 503 when nobody knows. RFC 6750 §3.1: the challenge names the error when a token was sent.
    init(_ error: TokenError) {
        func invalid(_ detail: String) -> Problem {
            Problem(.unauthenticated, detail, headers: [.wwwAuthenticate: "Bearer error=\"invalid_token\""])
        }
        switch error {
        case .invalid: self = invalid("The access token is not valid.")
        case .expired: self = invalid("The access token has expired.")
        case .revoked: self = invalid("The access token was revoked.")
        case .unavailable(let reason): self = .unavailable(reason)
        }
    }
}
