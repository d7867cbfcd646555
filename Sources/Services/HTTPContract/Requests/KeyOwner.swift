import AccessTokens
import EventSourcing
package import Hummingbird

extension CallContext {
    /// The owner of keys that come without a token. They say nothing of their caller, so a key and the request together make a command: a repeat may
    /// come from another
    /// address, and somebody else's request under an equal key is another command.
    package static let anonymousKeyOwner = "anonymous"

    /// The owner of the caller's idempotency keys.
    package var keyOwner: String {
        switch caller {
        case .user(let user): user.id.lowercased
        case .service(let name): "service \(name)"
        case .anonymous: Self.anonymousKeyOwner
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
