package import AccessTokens
import HTTPTypes
package import Hummingbird
import NIOHTTP1
package import PublishingAPI

/// A call that the gateway of this process has matched and whose token it has verified.
package struct VerifiedCall: Sendable {
    package let match: EndpointMatch
    package let token: VerifiedToken?

    package init(match: EndpointMatch, token: VerifiedToken?) {
        self.match = match
        self.token = token
    }
}

/// Answers the calls of one service: checks the caller, runs the handler, and turns what it throws into a problem.
package struct ServiceResponder: HTTPResponder, Sendable {
    package typealias Context = CallContext

    let service: ServiceName
    let handlers: [Endpoint: Routes.Handler]
    let router: EndpointRouter
    let authentication: Authentication
    let failures: FailureResponses

    /// Answers a request of which nothing is known: matches it and verifies its caller. Throws only when the connection itself is broken.
    package func respond(to request: Request, context: CallContext) async throws -> Response {
        var context = context
        context.identify(by: request)
        var response: Response
        var endpoint: Endpoint?
        do {
            switch try router.match(request) {
            case .options(let allow): response = Response(status: .noContent, headers: [.allow: allow])
            case .endpoint(let match):
                endpoint = match.endpoint
                context.caller = try await authentication.caller(of: request, for: match.endpoint, of: service)
                response = try await handle(request, match, context)
            }
        } catch {
            response = try failures.response(to: error, request, endpoint, context)
        }
        context.mark(&response)
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// Answers a call that the gateway of this process has matched and verified.
    package func respond(to request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        var context = context
        do {
            context.caller = try call.token.map { token throws(Problem) in try Caller(token, calling: service) } ?? .anonymous
            return try await handle(request, call.match, context)
        } catch {
            return try failures.response(to: error, request, call.match.endpoint, context)
        }
    }

    private func handle(_ request: Request, _ match: EndpointMatch, _ context: CallContext) async throws -> Response {
        let route = match.endpoint.route
        guard let handler = handlers[match.endpoint] else { throw Problem.notFound() }
        try context.caller.require(route.access)
        if route.takesIdempotencyKey { _ = try Preconditions.idempotencyKey(request) }
        var context = context
        context.coreContext.parameters = match.parameters
        return try await handler(request, context)
    }
}

extension CallContext {
    /// Adds the ids of the call.
    package func mark(_ response: inout Response) {
        response.headers[.requestID] = requestID
        response.headers[.traceparent] = traceparent
    }
}
