import AccessTokens
import EventSourcing
package import Hummingbird
package import Logging
package import PublishingAPI
import Spans
import Tracing

/// The facts about a call that became known while it was answered.
package struct RecordedCall: Sendable {
    package var endpoint: Endpoint?
    package var caller = Caller.anonymous

    package init(endpoint: Endpoint? = nil, caller: Caller = .anonymous) {
        self.endpoint = endpoint
        self.caller = caller
    }
}

/// Tells of each call of one service: its duration as a metric, its line in the access log and, where spans are recorded, its server span.
package struct CallRecorder: Sendable {
    private let service: ServiceName
    private let durations: RequestDurations
    private let logger: Logger

    package init(_ service: ServiceName, logger: Logger) {
        self.service = service
        durations = RequestDurations(service)
        self.logger = logger
    }

    /// Answers a call by `body`, and marks the response with the call's ids.
    /// - Parameter body: gets the context whose trace is the server span's own, and fills in what it learns.
    package func record(
        _ request: Request, _ context: CallContext, _ body: (CallContext, inout RecordedCall) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var call = RecordedCall()
        guard SpanRecording.isOn else {
            var response = try await body(context, &call)
            context.mark(&response)
            finish(request, call, response.status.code, context, since: start)
            return response
        }
        return try await withSpan(request.knownMethod, context: context.parent, ofKind: .server) { span in
            let inner = context.below(span)
            var response = try await body(inner, &call)
            // A caller gets back what it has sent, and otherwise what it can ask the collector for.
            (context.isTraceRoot ? inner : context).mark(&response)
            describe(span, request, call, response)
            finish(request, call, response.status.code, inner, since: start)
            return response
        }
    }

    private func describe(_ span: any Span, _ request: Request, _ call: RecordedCall, _ response: Response) {
        guard span.isRecording else { return }
        let method = request.knownMethod
        if let path = call.endpoint?.route.path { span.operationName = "\(method) \(path)" }
        var attributes: SpanAttributes = [:]
        attributes["annals.service"] = service.rawValue
        attributes["http.request.method"] = method
        if let path = call.endpoint?.route.path { attributes["http.route"] = path }
        attributes["http.response.status_code"] = Int64(response.status.code)
        // As the conventions have it: what a client does wrong is no error of the server.
        if response.status.code >= 500 {
            attributes["error.type"] = "\(response.status.code)"
            span.setStatus(SpanStatus(code: .error))
        }
        span.attributes = attributes
    }

    /// Tells of a call that was answered. Where no span is recorded this is all there is to tell.
    package func finish(
        _ request: Request, _ call: RecordedCall, _ status: Int, _ context: CallContext, since start: ContinuousClock.Instant
    ) {
        durations.record(request, call.endpoint, status, since: start)
        guard logger.logLevel <= .info, let weight = AccessLog.admit() else { return }
        var metadata: Logger.Metadata = [
            "requestId": "\(RequestIdentity.logged(context.requestID))", "service": "\(service)", "method": "\(request.knownMethod)",
            "route": "\(call.endpoint?.route.path ?? "none")", "status": .stringConvertible(status),
            "duration": .stringConvertible((ContinuousClock.now - start).milliseconds), "actor": "\(call.caller.actor)",
        ]
        metadata.merge(context.traceMetadata) { $1 }
        if weight > 1 { metadata["weight"] = .stringConvertible(weight) }
        logger.info("request", metadata: metadata)
    }
}

extension CallContext {
    /// The parent of a span that answers this call.
    fileprivate var parent: ServiceContext {
        guard let trace = TraceContext(traceparent: traceparent) else { return .topLevel }
        return isTraceRoot ? .root(trace) : .below(trace)
    }

    /// The same call inside a span.
    func below(_ span: any Span) -> CallContext {
        guard let trace = span.context.trace else { return self }
        var context = self
        context.traceparent = trace.traceparent
        context.isTraceRoot = false
        return context
    }

    /// The ids by which a line of the log is found from a trace.
    package var traceMetadata: Logger.Metadata {
        guard let trace = TraceContext(traceparent: traceparent) else { return [:] }
        return ["trace_id": "\(trace.traceID)", "span_id": "\(trace.spanID)"]
    }
}

extension Caller {
    /// By ids only.
    fileprivate var actor: String {
        switch self {
        case .anonymous: "anonymous"
        case .user(let user): user.id.lowercased
        case .service(let name): "service \(name.rawValue)"
        }
    }
}

extension Duration {
    /// With three digits after the point.
    fileprivate var milliseconds: Double { ((self / .microseconds(1)).rounded() / 1000) }
}
