import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import PublishingAPI
import ServiceLifecycle

/// The HTTP server of a service that other processes call: its routes, `/health`, `/startup` and `/ready`. The projector has the last three only.
struct ServiceServer: Service {
    let component: Component
    let responder: ServiceResponder?
    let readiness: Readiness
    let host: String
    let port: Int
    /// The longest time that a call has.
    let deadline: Duration
    let limits: ConnectionLimits
    /// Tells others where it listens, until cancelled, which it is when the process begins to drain; nil where nobody looks for it.
    let announce: (@Sendable (_ port: Int) async throws -> Void)?
    let logger: Logger

    func run() async throws {
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let server = Application(
            responder: ServerResponder(responder: responder.map { TimedResponder($0, limit: deadline) }, readiness: readiness, drain: limits.drain),
            server: .http1(limits: limits), configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in
                await AcceptBackoff.guardListener(channel, limits, logger: logger)
                let port = channel.localAddress?.port ?? port
                listening.yield(port)
                listening.finish()
                printLine("\(component.rawValue) is ready at http://\(host):\(port)")
            }, logger: logger)
        guard let announce else { return try await server.run() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask {
                for await port in ports {
                    do {
                        try await untilDrained { try await announce(port) }
                    } catch is CancellationError {
                        return
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Cancels `body` when the process begins to drain, and throws `CancellationError` then.
    private func untilDrained(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cancelWhenGracefulShutdown(body) }
            group.addTask { [drain = limits.drain] in
                while true { if let drain { return try await drain.wait() } else { try await Task.sleep(for: .seconds(86_400)) } }
            }
            try await group.next()
            group.cancelAll()
        }
    }
}

/// Answers for a service: what concerns the process itself, then its routes.
private struct ServerResponder: HTTPResponder {
    typealias Context = CallContext

    let responder: TimedResponder?
    let readiness: Readiness
    let drain: Drain?

    func respond(to request: Request, context: CallContext) async throws -> Response {
        switch request.uri.path {
        case Endpoint.health.route.path: return Answer.bytes(json: Array(#"{"status":"ok"}"#.utf8), headers: [.cacheControl: "no-store"])
        case Endpoint.startup.route.path: return try await readiness.startupResponse()
        case Endpoint.readiness.route.path: return try await readiness.response(drain)
        default: break
        }
        guard let responder else { return Problem.notFound().response(path: request.uri.path, requestID: context.requestID) }
        return try await responder.respond(to: request, context: context)
    }
}
