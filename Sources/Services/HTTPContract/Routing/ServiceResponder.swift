import HTTPTypes
package import Hummingbird
import NIOHTTP1

/// What routes become: finds the route, finds out who calls, runs the handler, and turns whatever it throws into a problem.
package struct ServiceResponder: HTTPResponder, Sendable {
    package typealias Context = CallContext

    let tree: RouteTree<Endpoint>
    let authentication: Authentication
    let failures: FailureAnswers

    /// Answers a request. Throws only when the connection itself is broken.
    package func respond(to request: Request, context: CallContext) async throws -> Response {
        var context = context
        context.identify(by: request)
        let match = tree.match(request.uri.path)
        var response: Response
        do {
            response = try await answer(request, match, context: context)
        } catch let error as HTTPParserError {
            // The bytes on the wire are no HTTP; the server below answers 400 and closes, which a response from here would prevent.
            throw error
        } catch {
            response = failures.answer(error, to: request, route: match.found?.path, context: context)
        }
        response.headers[.requestID] = context.requestID
        response.headers[.traceparent] = context.traceparent
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ match: RouteTree<Endpoint>.Match, context: CallContext) async throws -> Response {
        switch match {
        case .malformed: throw Problem.malformed("The path has a broken percent-encoding.")
        case .unknown: throw Problem.notFound()
        case .found(let endpoint, let parameters):
            guard let route = endpoint.route(for: request.method) else {
                if request.method == .options { return Response(status: .noContent, headers: [.allow: endpoint.allow]) }
                throw Problem.methodNotAllowed(allow: endpoint.allow)
            }
            var context = context
            // A gateway's context may come with parameters and a caller of its own.
            context.coreContext.parameters = Parameters(parameters.map { (key: $0.name, value: $0.value) })
            context.caller = route.ignoresCredentials ? .anonymous : try await authentication.caller(of: request)
            return try await route.handler(request, context)
        }
    }
}
