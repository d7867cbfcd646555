import AccessTokens
package import HTTPContract
import HTTPTypes
import Hummingbird
package import NIOCore
import PublishingAPI
import Spans

/// Answers calls on their connection's event loop (docs/decisions/0052).
package protocol DirectResponder: Sendable {
    /// The longest time that a call has.
    var deadline: Duration { get }

    /// Answers a call without a task, if all that this takes is at hand. Nil when it is not: nothing has happened then, and the call goes its usual
    /// way.
    /// - Parameter send: called once, on that loop, at once or later.
    func respondDirectly(to call: DirectCall, _ send: @escaping @Sendable (ReadyAnswer) -> Void) -> DirectExchange?
}

extension APIGateway: DirectResponder {
    package var deadline: Duration { settings.deadline }

    /// The steps of `respond(to:context:)`, as far as none of them waits: named, matched, verified, charged, handed on, marked.
    package func respondDirectly(to call: DirectCall, _ send: @escaping @Sendable (ReadyAnswer) -> Void) -> DirectExchange? {
        let (request, start) = (call.request, ContinuousClock.now)
        guard !SpanRecording.isOn, stale == nil, limits.areOwn, case .endpoint(let match)? = try? router.match(request) else { return nil }
        let queue = match.endpoint.route.service == .gateway ? nil : queries
        let service = queue == nil ? own : queries.local
        guard let service, service.answersDirectly(match.endpoint), let known = authentication.knownToken(of: request),
            queue?.enterAtOnce(.read) != false
        else { return nil }
        let token = match.endpoint.route.ignoresCredentials ? nil : known.token
        var call = call
        call.context.identify(by: request)
        if addresses.mayNameClients, let client = addresses.client(of: request, from: call.context.clientAddress) {
            call.context.clientAddress = "\(client)"
        }
        do {
            guard let charge = try limits.chargeAtOnce(request, match, known.token, from: call.context.clientAddress) else {
                queue?.leave(.read)
                return nil
            }
            let exchange = DirectExchange(self, queue, call, match, known.token, charge, since: start, send)
            service.answer(call, as: VerifiedCall(match: match, token: token)) { answer in
                exchange.end(answer)
            }
            return exchange
        } catch {
            let exchange = DirectExchange(self, queue, call, match, known.token, RateLimits.Charge(), since: start, send)
            exchange.end(failures.answer(to: error, request, match.endpoint, call.context))
            return exchange
        }
    }
}

/// A call under way that no task waits for. It ends once: with its answer, or because its time is up.
package final class DirectExchange: Sendable {
    private let gateway: APIGateway
    private let queue: AdmissionQueue?
    private let call: DirectCall
    private let match: EndpointMatch
    private let recorded: RecordedCall
    private let charge: RateLimits.Charge
    private let start: ContinuousClock.Instant
    private let send: @Sendable (ReadyAnswer) -> Void

    init(
        _ gateway: APIGateway, _ queue: AdmissionQueue?, _ call: DirectCall, _ match: EndpointMatch, _ token: VerifiedToken?,
        _ charge: RateLimits.Charge, since start: ContinuousClock.Instant, _ send: @escaping @Sendable (ReadyAnswer) -> Void
    ) {
        self.gateway = gateway
        self.queue = queue
        self.call = call
        self.match = match
        recorded = RecordedCall(endpoint: match.endpoint, caller: token.map { .user($0.claims.user) } ?? .anonymous)
        self.charge = charge
        self.start = start
        self.send = send
    }

    /// The call's time is up: 504, whatever its answer would have been.
    package func expire() { end(gateway.failures.answer(to: Problem.timeout(), call.request, match.endpoint, call.context)) }

    /// The call's client has gone: its place is free, and it is recorded as its usual way would record it.
    package func abandon() { end(gateway.failures.answer(to: CancellationError(), call.request, match.endpoint, call.context)) }

    fileprivate func end(_ answer: ReadyAnswer) {
        guard call.end() else { return }
        queue?.leave(.read)
        var answer = answer
        charge.mark(&answer.headers)
        call.context.mark(&answer.headers)
        gateway.recorder.finish(call.request, recorded, answer.status.code, call.context, since: start)
        gateway.mark(&answer.headers, of: call.request)
        send(answer)
    }
}
