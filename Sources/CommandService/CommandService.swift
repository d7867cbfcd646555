package import EventSourcing
package import HTTPContract
package import Logging

/// Builds the command service: the one that appends to the log, and answers what only the log's owner can (a post's history and its past versions).
///
/// - Parameters:
///   - store: the log, opened for appends.
///   - keys: makes a person's data key at registration.
///   - hasher: turns callers' idempotency keys into what the log may keep.
package func commandService(
    store: any EventStore, keys: any PersonalKeys, hasher: any KeyedHasher, verifier: TokenVerifier, serviceKey: ServiceKey, logger: Logger
) -> ServiceResponder {
    let identity = CommandIdentity(hasher: hasher)
    var routes = Routes()
    PostCommandRoutes(store: store, identity: identity).add(to: &routes)
    PostHistoryRoutes(store: store).add(to: &routes)
    ProfileRoutes(store: store, identity: identity).add(to: &routes)
    AccountRoutes(store: store, keys: keys, identity: identity).add(to: &routes)
    ViewRoutes(store: store, identity: identity).add(to: &routes)
    return routes.responder(service: "commands", verifier: verifier, serviceKey: serviceKey, logger: logger, mapping: Problem.init(commandError:))
}
