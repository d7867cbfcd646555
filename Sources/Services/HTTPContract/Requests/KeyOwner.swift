import AccessTokens
import EventSourcing
package import Hummingbird

extension CallContext {
    /// The owner of the caller's idempotency keys: the user, or the address where nobody is signed in.
    package var keyOwner: String {
        switch caller {
        case .user(let user): user.id.lowercased
        case .service(let name): "service \(name)"
        case .anonymous: "address \(clientAddress ?? "unknown")"
        }
    }

    /// The same of a call that may be one service's on behalf of another caller, which only services are believed.
    package func keyOwner(of request: Request) -> String {
        switch caller {
        case .service: request.header(.caller)?.string ?? keyOwner
        case .user, .anonymous: keyOwner
        }
    }
}
