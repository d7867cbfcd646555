package import Hummingbird

/// A service as its callers reach it: in this process, or over HTTP. No caller knows which.
package protocol Upstream: Sendable {
    /// Sends a request and returns its response, whatever its status. Throws when the service can't be reached.
    func send(_ request: Request, context: CallContext) async throws -> Response

    /// The same for a call that the caller has matched and verified. A service of another process does both again.
    func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response
}

extension Upstream {
    package func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        try await send(request, context: context)
    }
}

/// A service of this process is a function call away.
extension ServiceResponder: Upstream {
    package func send(_ request: Request, context: CallContext) async throws -> Response {
        try await respond(to: request, context: context)
    }

    package func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        try await respond(to: request, as: call, context: context)
    }
}
