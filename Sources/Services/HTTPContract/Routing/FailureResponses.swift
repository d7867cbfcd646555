import EventSourcing
package import Hummingbird
package import Logging
import NIOHTTP1
package import PublishingAPI

/// The one place where an error becomes a response: known ones as problems, all others logged in full and answered with 500.
package struct FailureResponses: Sendable {
    private let service: ServiceName
    private let logger: Logger
    private let mapping: ProblemMapping

    package init(service: ServiceName, logger: Logger, mapping: @escaping ProblemMapping = { _ in nil }) {
        self.service = service
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
        return problem(error, request, endpoint, context).response(path: request.uri.path, requestID: context.requestID)
    }

    private func problem(_ error: any Error, _ request: Request, _ endpoint: Endpoint?, _ context: CallContext) -> Problem {
        let problem = error as? Problem ?? mapping(error) ?? Problem.general(error)
        if case EventStoreError.refused(let statement, let reason) = error {
            log("a database refuses a statement", ["statement": "\(statement)", "error": "\(reason)"], request, endpoint, context)
        } else if problem == nil {
            log("request failed", ["error": "\(error)"], request, endpoint, context)
        }
        return problem ?? .internalError()
    }

    private func log(_ event: Logger.Message, _ details: Logger.Metadata, _ request: Request, _ endpoint: Endpoint?, _ context: CallContext) {
        let call: Logger.Metadata = [
            "requestId": "\(context.requestID)", "traceparent": "\(context.traceparent)", "service": "\(service)",
            "method": "\(request.method.rawValue)", "route": "\(endpoint?.route.path ?? "none")",
        ]
        logger.error(event, metadata: call.merging(details) { call, _ in call })
    }
}
