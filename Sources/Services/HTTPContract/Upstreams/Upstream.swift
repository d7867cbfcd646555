package import Hummingbird

/// A service as its callers reach it: in this process, or over HTTP. No caller knows which.
package protocol Upstream: Sendable {
    /// Sends a request on and returns its answer, whatever its status. Throws when the service can't be reached.
    func send(_ request: Request, context: CallContext) async throws -> Response
}

/// A service in this process: a function call away.
package struct LocalUpstream: Upstream {
    private let responder: ServiceResponder

    package init(_ responder: ServiceResponder) {
        self.responder = responder
    }

    package func send(_ request: Request, context: CallContext) async throws -> Response {
        try await responder.respond(to: request, context: context)
    }
}
