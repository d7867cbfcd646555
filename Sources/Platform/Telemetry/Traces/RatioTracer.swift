package import Spans
package import Tracing

/// Makes spans, and gives those that are to be exported to a queue. A span follows the decision of its parent; the first one of a trace is sampled by
/// a ratio of the trace ids, so all processes decide alike.
package struct RatioTracer: Tracer {
    private let ratio: Double
    private let queue: SpanQueue

    /// - Parameter ratio: the share of traces that is sampled, from 0 to 1, where no caller has decided.
    package init(ratio: Double, queue: SpanQueue) {
        self.ratio = ratio
        self.queue = queue
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind, at instant: @autoclosure () -> Instant,
        function: String, file fileID: String, line: UInt
    ) -> RecordedSpan {
        let context = context()
        let trace: TraceContext
        if let parent = context.trace {
            trace = TraceContext(traceID: parent.traceID, spanID: Self.makeID(), isSampled: parent.isSampled)
        } else {
            let traceID = context.root?.traceID ?? Self.makeID() + Self.makeID()
            trace = TraceContext(
                traceID: traceID, spanID: context.root?.spanID ?? Self.makeID(),
                isSampled: context.isSampled ?? Self.isSampled(traceID, ratio))
        }
        return RecordedSpan(
            operationName, trace, parent: context.trace?.spanID, context, kind, start: instant().nanosecondsSinceEpoch,
            onEnd: { [queue] in queue.offer($0) })
    }

    package func forceFlush() {}

    // Contexts travel as `traceparent`, which the services' HTTP reads and writes itself.
    package func extract<Carrier, Extract: Extractor>(_ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract)
    where Extract.Carrier == Carrier {}

    package func inject<Carrier, Inject: Injector>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
    where Inject.Carrier == Carrier {}

    /// Compares the last 56 bits of the trace id, which W3C Trace Context level 2 wants to be random.
    static func isSampled(_ traceID: String, _ ratio: Double) -> Bool {
        guard let random = UInt64(traceID.suffix(14), radix: 16) else { return false }
        // The highest numbers round up to 2^56.
        return ratio >= 1 || Double(random) < ratio * 0x1p56
    }

    private static func makeID() -> String {
        let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
