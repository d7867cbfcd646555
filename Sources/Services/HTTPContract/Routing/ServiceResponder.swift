package import AccessTokens
import Deadlines
import EventSourcing
import HTTPTypes
package import Hummingbird
package import Logging
import NIOHTTP1
package import PublishingAPI
import Spans
import Tracing

/// The routes of one service: a handler for each of its endpoints.
package struct Routes: Sendable {
    /// Answers one kind of request. Its caller has the endpoint's access. What it throws becomes a problem.
    package typealias Handler = @Sendable (Request, CallContext) async throws -> Response

    private(set) var handlers: [(endpoint: Endpoint, handler: Handler)] = []
    var directHandlers: [Endpoint: DirectHandler] = [:]

    package init() {}

    /// Adds a route.
    package mutating func on(_ endpoint: Endpoint, _ handler: @escaping Handler) {
        handlers.append((endpoint, handler))
    }

    /// The endpoints that have a handler, in the order in which they were added.
    package var endpoints: [Endpoint] { handlers.map(\.endpoint) }

    /// The responder of these routes.
    /// - Parameters:
    ///   - service: by whose name tokens are meant for it.
    ///   - mapping: the service's own errors as problems.
    package func responder(
        for service: ServiceName, authentication: Authentication, logger: Logger, mapping: @escaping ProblemMapping = { _ in nil }
    ) -> ServiceResponder {
        ServiceResponder(
            service: service, handlers: Dictionary(handlers.map { ($0.endpoint, $0.handler) }) { first, _ in first },
            directHandlers: directHandlers,
            router: EndpointRouter(endpoints), authentication: authentication, recorder: CallRecorder(service, logger: logger),
            failures: FailureResponses(service: service, logger: logger, mapping: mapping))
    }
}

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
    let directHandlers: [Endpoint: Routes.DirectHandler]
    let router: EndpointRouter
    let authentication: Authentication
    let recorder: CallRecorder
    let failures: FailureResponses

    /// Answers a request of which nothing is known: matches it and verifies its caller. Throws only when the connection itself is broken.
    package func respond(to request: Request, context: CallContext) async throws -> Response {
        var context = context
        context.identify(by: request)
        if let client = authentication.client(of: request, for: service) { context.clientAddress = client }
        let response = try await recorder.record(request, context) { [context] given, call in
            do {
                switch try router.match(request) {
                case .options(let allow): return Response(status: .noContent, headers: [.allow: allow])
                case .endpoint(let match):
                    call.endpoint = match.endpoint
                    var context = given
                    context.caller = try await authentication.caller(of: request, for: match.endpoint, of: service)
                    call.caller = context.caller
                    return try await handle(request, match, context)
                }
            } catch {
                return try failures.response(to: error, request, call.endpoint, context)
            }
        }
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// Answers a call that the gateway of this process has matched and verified.
    package func respond(to request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        var context = context
        do {
            context.caller = try call.token.map { token throws(Problem) in try Caller(token, calling: service) } ?? .anonymous
            guard SpanRecording.isOn else { return try await handle(request, call.match, context) }
            return try await withSpan("\(service) \(call.match.endpoint.route.path)") { [context] span in
                try await handle(request, call.match, context.below(span))
            }
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
    package func mark(_ response: inout Response) { mark(&response.headers) }

    /// The same.
    package func mark(_ headers: inout HTTPFields) {
        headers[.requestID] = requestID
        headers[.traceparent] = traceparent
    }
}

/// A service as its callers reach it: in this process, or over HTTP. No caller knows which.
package protocol Upstream: Sendable {
    /// Sends a request and returns its response, whatever its status. Throws when the service can't be reached.
    func send(_ request: Request, context: CallContext) async throws -> Response

    /// The same for a call that the caller has matched and verified. A service of another process does both again.
    func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response

    /// The service itself, where it is of this process and built.
    var local: ServiceResponder? { get }
}

extension Upstream {
    package var local: ServiceResponder? { nil }

    package func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        try await send(request, context: context)
    }
}

/// A service of this process is a function call away.
extension ServiceResponder: Upstream {
    package var local: ServiceResponder? { self }

    package func send(_ request: Request, context: CallContext) async throws -> Response {
        try await respond(to: request, context: context)
    }

    package func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        try await respond(to: request, as: call, context: context)
    }
}

/// The one place where an error becomes a response: known ones as problems, all others logged in full and answered with 500.
package struct FailureResponses: Sendable {
    private let service: ServiceName
    private let logger: Logger
    private let mapping: ProblemMapping
    private let refusals: RefusalCounts

    package init(service: ServiceName, logger: Logger, mapping: @escaping ProblemMapping = { _ in nil }) {
        self.service = service
        refusals = RefusalCounts(service)
        self.logger = logger
        self.mapping = mapping
    }

    /// The response to a request that failed. What the caller may not see goes to the log, under the request id.
    ///
    /// The log gets neither the path, in which a post's title may stand, nor what a database says about a row: only the route, and the error as it
    /// describes itself.
    ///
    /// Throws the error on when the bytes on the wire are no HTTP: the server below answers 400 and closes, which a response from here would prevent.
    package func response(to error: any Error, _ request: Request, _ endpoint: Endpoint?, _ context: CallContext) throws -> Response {
        if error is HTTPParserError { throw error }
        return answer(to: error, request, endpoint, context).response
    }

    /// The same for a request whose bytes are all there.
    package func answer(to error: any Error, _ request: Request, _ endpoint: Endpoint?, _ context: CallContext) -> ReadyAnswer {
        let problem = problem(error, request, endpoint, context)
        refusals.count(problem.code)
        return problem.answer(path: request.uri.path, requestID: context.requestID)
    }

    private func problem(_ error: any Error, _ request: Request, _ endpoint: Endpoint?, _ context: CallContext) -> Problem {
        var problem = error as? Problem ?? mapping(error) ?? Problem.general(error)
        // Work that was not done because the time was up is late, whatever refused to do it.
        if !(error is Problem), Deadline.hasPassed, problem == nil || problem?.code == .unavailable { problem = .timeout() }
        if case EventStoreError.refused(let statement, let reason) = error {
            log("a database refuses a statement", ["statement": "\(statement)", "error": "\(reason)"], request, endpoint, context)
        } else if problem == nil {
            log("request failed", ["error": "\(error)"], request, endpoint, context)
        }
        return problem ?? .internalError()
    }

    private func log(_ event: Logger.Message, _ details: Logger.Metadata, _ request: Request, _ endpoint: Endpoint?, _ context: CallContext) {
        let call: Logger.Metadata = [
            "requestId": "\(RequestIdentity.logged(context.requestID))", "service": "\(service)", "method": "\(request.method.rawValue)",
            "route": "\(endpoint?.route.path ?? "none")",
        ]
        logger.error(event, metadata: call.merging(context.traceMetadata) { $1 }.merging(details) { call, _ in call })
    }
}
