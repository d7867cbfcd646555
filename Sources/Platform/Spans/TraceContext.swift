package import Tracing

/// The place of a span in its trace, as W3C Trace Context carries it from process to process.
package struct TraceContext: Sendable, Hashable {
    /// 32 hexadecimal digits in lower case, not all zero.
    package let traceID: String
    /// 16 hexadecimal digits in lower case, not all zero.
    package let spanID: String
    /// Whether the caller records its part of the trace.
    package let isSampled: Bool

    package init(traceID: String, spanID: String, isSampled: Bool) {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
    }

    /// Reads a `traceparent` that is known to be well-formed; nil for a text of another length.
    package init?(traceparent: String) {
        let text = traceparent.utf8
        guard text.count == 55 else { return nil }
        func part(_ from: Int, _ count: Int) -> String { String(decoding: text.dropFirst(from).prefix(count), as: UTF8.self) }
        guard let flags = UInt8(part(53, 2), radix: 16) else { return nil }
        self.init(traceID: part(3, 32), spanID: part(36, 16), isSampled: flags & 1 == 1)
    }

    /// The value of the header.
    package var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }
}

extension ServiceContext {
    private enum ParentKey: ServiceContextKey { typealias Value = TraceContext }
    private enum RootKey: ServiceContextKey { typealias Value = TraceContext }
    private enum DecisionKey: ServiceContextKey { typealias Value = Bool }

    /// The span that new spans are children of.
    package var trace: TraceContext? {
        get { self[ParentKey.self] }
        set { self[ParentKey.self] = newValue }
    }

    /// The ids that the first span of a new trace takes. A caller has been told them before the span began.
    package var root: TraceContext? {
        get { self[RootKey.self] }
        set { self[RootKey.self] = newValue }
    }

    /// Whether a new trace is sampled; nil leaves it to the ratio.
    package var isSampled: Bool? {
        get { self[DecisionKey.self] }
        set { self[DecisionKey.self] = newValue }
    }

    /// The context below a span.
    package static func below(_ trace: TraceContext) -> ServiceContext {
        var context = ServiceContext.topLevel
        context.trace = trace
        return context
    }

    /// The context of a new trace that begins with these ids.
    package static func root(_ trace: TraceContext) -> ServiceContext {
        var context = ServiceContext.topLevel
        context.root = trace
        return context
    }
}
