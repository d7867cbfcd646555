import EventSourcing
import HTTPTypes
package import Hummingbird

/// Finds out who calls, from the request alone: nothing that another process or an earlier responder says of the caller is believed.
package struct Authentication: Sendable {
    let service: String
    let verifier: TokenVerifier?
    let serviceKey: ServiceKey?

    /// The caller. Bad credentials are an error even where none are needed: a client with an expired token should learn of it.
    func caller(of request: Request) async throws(Problem) -> Caller {
        if let authorization = request.headers[.authorization] {
            guard let verifier else { return .anonymous }
            return .user(try await verifier.verify(try Self.bearerToken(authorization)))
        }
        if let token = request.headers[.serviceToken] {
            guard let name = serviceKey?.verify(token, audience: service, now: .now) else {
                throw .unauthenticated("The service token is not valid.")
            }
            return .service(name)
        }
        return .anonymous
    }

    /// The token that a request brings, checked by nobody yet; nil without one.
    package static func token(of request: Request) -> String? {
        request.headers[.authorization].flatMap { try? bearerToken($0) }
    }

    /// The token of `Bearer <token>` (RFC 6750 §2.1); the scheme's case does not matter.
    static func bearerToken(_ authorization: String) throws(Problem) -> String {
        guard authorization.utf8.count > 7, authorization.prefix(7).lowercased() == "bearer " else {
            throw .unauthenticated("Only Bearer tokens are taken.")
        }
        let token = authorization.dropFirst(7)
        guard token.utf8.count <= HTTPLimits.maximumTokenBytes else { throw .unauthenticated("The access token is not valid.") }
        return String(token)
    }
}
