package import HTTPContract
package import Hummingbird
package import Logging
import NIOPosix

/// What stands before the services, such as ``RateLimits``: lets a call pass with headers for its answer, or throws the problem to answer with.
package typealias Admission = @Sendable (Request, CallContext, CallKind) async throws(Problem) -> HTTPFields

/// Builds the one door: it names each call, applies what holds for all of them, and hands them to the service that answers. It vouches for nobody: tokens go on
/// as they came, and each service checks them itself.
/// - Parameters:
///   - auth, commands, queries: the services, near or far.
///   - readiness: what `/ready` asks.
///   - own: further routes that the gateway answers itself, such as the dashboard and the OpenAPI document.
///   - admission: asked for every call but `/health` and `/ready`, unknown paths included.
package func gateway(
    auth: any Upstream, commands: any Upstream, queries: any Upstream, readiness: Readiness, settings: GatewaySettings, own: Routes = Routes(),
    admission: Admission? = nil, logger: Logger
) -> some HTTPResponder<CallContext> {
    var routes = own
    routes.on(.get, GatewayResponder.healthPath) { _, _ in Answer.bytes(json: Array(#"{"status":"ok"}"#.utf8)) }
    routes.on(.get, GatewayResponder.readinessPath) { _, _ in await readiness.answer() }
    return GatewayResponder(
        tree: GatewayTable.tree(own: routes), services: Services(auth: auth, commands: commands, queries: queries), settings: settings,
        addresses: ForwardedAddresses(proxies: settings.proxies, logger: logger), admission: admission,
        deadline: Deadline(settings.deadline, on: MultiThreadedEventLoopGroup.singleton.any()),
        failures: FailureAnswers(service: "gateway", logger: logger))
}

/// The services behind the gateway.
struct Services: Sendable {
    let auth: any Upstream
    let commands: any Upstream
    let queries: any Upstream
}
