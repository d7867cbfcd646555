import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import PublishingAPI
import ServiceLifecycle

/// The HTTP server of a service that other processes call: its routes, `/health` and `/ready`. The projector has the last two only.
struct ServiceServer: Service {
    let component: Component
    let responder: ServiceResponder?
    let readiness: Readiness
    let host: String
    let port: Int
    /// The longest time that a call has.
    let deadline: Duration
    let limits: ConnectionLimits
    let logger: Logger

    func run() async throws {
        let server = Application(
            responder: ServerResponder(responder: responder.map { TimedResponder($0, limit: deadline) }, readiness: readiness),
            server: .http1(limits: limits), configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in
                await AcceptBackoff.guardListener(channel, limits, logger: logger)
                printLine("\(component.rawValue) is ready at http://\(host):\(channel.localAddress?.port ?? port)")
            }, logger: logger)
        try await server.run()
    }
}

/// Answers for a service: what concerns the process itself, then its routes.
private struct ServerResponder: HTTPResponder {
    typealias Context = CallContext

    let responder: TimedResponder?
    let readiness: Readiness

    func respond(to request: Request, context: CallContext) async throws -> Response {
        switch request.uri.path {
        case Endpoint.health.route.path: return Answer.bytes(json: Array(#"{"status":"ok"}"#.utf8), headers: [.cacheControl: "no-store"])
        case Endpoint.readiness.route.path: return try await readiness.response()
        default: break
        }
        guard let responder else { return Problem.notFound().response(path: request.uri.path, requestID: context.requestID) }
        return try await responder.respond(to: request, context: context)
    }
}
