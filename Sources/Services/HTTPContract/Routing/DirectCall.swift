package import Deadlines
package import Hummingbird
package import NIOCore
package import PublishingAPI
import Synchronization

/// A call that is answered on its connection's event loop, without a task (docs/decisions/0052).
package struct DirectCall: Sendable {
    package let request: Request
    package var context: CallContext
    /// Where the call is made, and where its answer is given.
    package let loop: any EventLoop
    /// When its time is up.
    package let deadline: Deadline
    private let state = State()

    private final class State: Sendable {
        let hasEnded = Atomic(false)
    }

    package init(_ request: Request, _ context: CallContext, on loop: any EventLoop, until deadline: Deadline) {
        self.request = request
        self.context = context
        self.loop = loop
        self.deadline = deadline
    }

    /// Whether anybody still waits for the answer.
    package var isAwaited: Bool { !state.hasEnded.load(ordering: .relaxed) }

    /// Ends the call, once: false when it had ended before.
    package func end() -> Bool { !state.hasEnded.exchange(true, ordering: .relaxed) }
}

/// The answer to a direct call, or the error that becomes a problem. Called once, on the call's event loop, at once or later.
package typealias DirectReply = @Sendable (Result<ReadyAnswer, any Error>) -> Void

extension Routes {
    /// Answers one kind of call without a task, and counts for one call whatever it does. A call that has to wait for more than one statement of a
    /// database is none of these.
    package typealias DirectHandler = @Sendable (DirectCall, @escaping DirectReply) throws -> Void

    /// Adds a second handler for a route, for callers that need not wait in a task. It answers as the first one does.
    package mutating func onDirectly(_ endpoint: Endpoint, _ handler: @escaping DirectHandler) { directHandlers[endpoint] = handler }
}

extension ServiceResponder {
    /// Whether calls of an endpoint can be answered without a task.
    package func answersDirectly(_ endpoint: Endpoint) -> Bool { directHandlers[endpoint] != nil }

    /// Answers a call that the gateway of this process has matched and verified, without a task.
    package func answer(_ call: DirectCall, as verified: VerifiedCall, _ reply: @escaping @Sendable (ReadyAnswer) -> Void) {
        let endpoint = verified.match.endpoint
        let (request, context, failures) = (call.request, call.context, failures)
        do {
            var call = call
            call.context.caller = try verified.token.map { token throws(Problem) in try Caller(token, calling: service) } ?? .anonymous
            guard let handler = directHandlers[endpoint] else { throw Problem.notFound() }
            try call.context.caller.require(endpoint.route.access)
            call.context.coreContext.parameters = verified.match.parameters
            try handler(call) { result in
                switch result {
                case .success(let answer): reply(answer)
                case .failure(let error): reply(failures.answer(to: error, request, endpoint, context))
                }
            }
        } catch {
            reply(failures.answer(to: error, request, endpoint, context))
        }
    }
}
