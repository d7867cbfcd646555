import EventSourcing
package import Hummingbird

extension CallContext {
    /// Whose idempotency keys the caller's are: the user's, or those of the address where nobody is signed in.
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
        case .service: request.headers[.caller] ?? keyOwner
        case .user, .anonymous: keyOwner
        }
    }
}
