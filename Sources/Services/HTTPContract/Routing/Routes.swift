package import HTTPTypes
package import Hummingbird
package import Logging

/// The routes of one service: a table that is read from top to bottom.
package struct Routes: Sendable {
    /// Answers one kind of request. What it throws becomes a problem.
    package typealias Handler = @Sendable (Request, CallContext) async throws -> Response

    /// One row of the table.
    package struct Route: Sendable {
        package let method: HTTPRequest.Method
        package let path: String
        package let ignoresCredentials: Bool
        package let handler: Handler
    }

    /// The rows in the order they were added.
    package private(set) var routes: [Route] = []

    package init() {}

    /// Adds a route.
    /// - Parameters:
    ///   - path: the whole path with parameters in braces, such as `/api/v1/posts/{id}`; `{rest...}` as last takes all further segments.
    ///   - ignoringCredentials: for routes that are how credentials are got (login, refresh): a stale `Authorization` header must not stand in their way.
    package mutating func on(
        _ method: HTTPRequest.Method, _ path: String, ignoringCredentials: Bool = false, _ handler: @escaping Handler
    ) {
        routes.append(Route(method: method, path: path, ignoresCredentials: ignoringCredentials, handler: handler))
    }

    /// Adds all routes of another table.
    package mutating func add(_ other: Routes) {
        routes += other.routes
    }

    /// What is routed, in the order it was added: what the OpenAPI document is held against.
    package var list: [(method: HTTPRequest.Method, path: String)] { routes.map { ($0.method, $0.path) } }

    /// The responder of these routes.
    /// - Parameters:
    ///   - service: the service's name, by which tokens are meant for it.
    ///   - verifier: checks users' tokens; without one, every user is anonymous.
    ///   - serviceKey: checks other services' tokens; without one, no service is known.
    ///   - mapping: the service's own errors as problems.
    package func responder(
        service: String, verifier: TokenVerifier?, serviceKey: ServiceKey?, logger: Logger, mapping: @escaping ProblemMapping = { _ in nil }
    ) -> ServiceResponder {
        ServiceResponder(
            tree: RouteTree(endpoints), authentication: Authentication(service: service, verifier: verifier, serviceKey: serviceKey),
            failures: FailureAnswers(service: service, logger: logger, mapping: mapping))
    }

    /// The routes by path, each path's methods together.
    private var endpoints: [(path: String, value: Endpoint)] {
        var order: [String] = []
        var byPath: [String: [HTTPRequest.Method: Route]] = [:]
        for route in routes {
            if byPath[route.path] == nil { order.append(route.path) }
            byPath[route.path, default: [:]][route.method] = route
        }
        return order.map { ($0, Endpoint($0, routes: byPath[$0, default: [:]])) }
    }
}
