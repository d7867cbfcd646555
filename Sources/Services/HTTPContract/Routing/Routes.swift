package import AccessTokens
package import Hummingbird
package import Logging
package import PublishingAPI

/// The routes of one service: a handler for each of its endpoints.
package struct Routes: Sendable {
    /// Answers one kind of request. Its caller has the endpoint's access. What it throws becomes a problem.
    package typealias Handler = @Sendable (Request, CallContext) async throws -> Response

    private(set) var handlers: [(endpoint: Endpoint, handler: Handler)] = []

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
            router: EndpointRouter(endpoints), authentication: authentication,
            failures: FailureResponses(service: service, logger: logger, mapping: mapping))
    }
}
