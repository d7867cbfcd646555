package import Hummingbird
package import Logging

/// The one place where an error becomes an answer: known ones as problems, all others logged in full and answered with 500.
package struct FailureAnswers: Sendable {
    private let service: String
    private let logger: Logger
    private let mapping: ProblemMapping

    package init(service: String, logger: Logger, mapping: @escaping ProblemMapping = { _ in nil }) {
        self.service = service
        self.logger = logger
        self.mapping = mapping
    }

    /// The answer to a request that failed. What the caller may not see goes to the log, under the request id.
    ///
    /// The log gets neither the path, in which a post's title may stand, nor what a database says about a row: only the route, and the error as it describes itself.
    /// - Parameter route: the path's template; nil when it has none.
    package func answer(_ error: any Error, to request: Request, route: String?, context: CallContext) -> Response {
        problem(error, request: request, route: route, context: context).response(path: request.uri.path, requestID: context.requestID)
    }

    private func problem(_ error: any Error, request: Request, route: String?, context: CallContext) -> Problem {
        if let problem = error as? Problem ?? mapping(error) ?? Problem.general(error) { return problem }
        logger.error(
            "request failed",
            metadata: [
                "requestId": "\(context.requestID)", "traceparent": "\(context.traceparent)", "service": "\(service)",
                "method": "\(request.method.rawValue)", "route": "\(route ?? "none")", "error": "\(error)",
            ])
        return .internalError()
    }
}
