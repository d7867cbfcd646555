import HTTPTypes
package import Hummingbird
import NIOCore
import NIOPosix

/// A service that other processes call: it answers within the time that its caller has left, and within its own limit.
package struct TimedResponder: HTTPResponder {
    package typealias Context = CallContext

    package let service: ServiceResponder
    private let limit: Duration
    private let watch: DeadlineWatch

    /// - Parameter limit: the longest time that a call has.
    package init(_ service: ServiceResponder, limit: Duration) {
        self.service = service
        self.limit = limit
        watch = DeadlineWatch(longest: limit, on: MultiThreadedEventLoopGroup.singleton.any())
    }

    package func respond(to request: Request, context: CallContext) async throws -> Response {
        var context = context
        context.identify(by: request)
        do {
            return try await watch.apply(TimeBudget(of: request, limit: limit), channel: context.channel) { [service, context] in
                try await service.respond(to: request, context: context)
            }
        } catch {
            var response = try service.failures.response(to: error, request, nil, context)
            context.mark(&response)
            return request.method == .head ? response.createHeadResponse() : response
        }
    }
}
