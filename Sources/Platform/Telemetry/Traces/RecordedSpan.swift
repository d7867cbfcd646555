package import Spans
import Synchronization
package import Tracing

/// A span that has ended, as it is exported.
struct FinishedSpan: Sendable {
    let trace: TraceContext
    /// The parent's span id; nil for the first span of a trace.
    let parent: String?
    let kind: SpanKind
    let start: UInt64
    let end: UInt64
    let content: SpanContent
}

/// The parts of a span that may change until it ends.
struct SpanContent: Sendable {
    var name: String
    var attributes: SpanAttributes = [:]
    var links: [SpanLink] = []
    var events: [SpanEvent] = []
    var status: SpanStatus?
}

/// A span of this process. One that is not recorded carries its place in the trace and nothing else.
package final class RecordedSpan: Span {
    package let context: ServiceContext
    private let trace: TraceContext
    private let parent: String?
    private let kind: SpanKind
    private let start: UInt64
    private let content: Mutex<SpanContent?>
    private let onEnd: @Sendable (FinishedSpan) -> Void

    /// Whether it keeps what it is told: a sampled span, or the server span of a call that is not sampled, which goes out if the call fails.
    package let isRecording: Bool

    init(
        _ name: String, _ trace: TraceContext, parent: String?, _ context: ServiceContext, _ kind: SpanKind, start: UInt64,
        onEnd: @escaping @Sendable (FinishedSpan) -> Void
    ) {
        self.trace = trace
        self.parent = parent
        self.kind = kind
        self.start = start
        self.onEnd = onEnd
        var context = context
        context.trace = trace
        context.root = nil
        context.isSampled = nil
        self.context = context
        isRecording = trace.isSampled || kind == .server
        content = Mutex(isRecording ? SpanContent(name: name) : nil)
    }

    private func change(_ body: (inout SpanContent) -> Void) {
        content.withLock { content in
            guard var changed = content else { return }
            // Taken out while it is changed, so that nothing in it is copied.
            content = nil
            body(&changed)
            content = changed
        }
    }

    package var operationName: String {
        get { content.withLock { $0?.name ?? "" } }
        set { change { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { content.withLock { $0?.attributes ?? [:] } }
        set { change { $0.attributes = newValue } }
    }

    package func setStatus(_ status: SpanStatus) { change { $0.status = status } }

    package func addEvent(_ event: SpanEvent) { change { $0.events.append(event) } }

    package func addLink(_ link: SpanLink) { change { $0.links.append(link) } }

    /// Keeps the error's type. Its words may quote what a person has written.
    package func recordError<Instant: TracerInstant>(_ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant) {
        guard isRecording else { return }
        change {
            $0.status = SpanStatus(code: .error)
            $0.attributes["error.type"] = "\(type(of: error))"
        }
    }

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard isRecording, let content = content.withLock({ $0.take() }) else { return }
        guard trace.isSampled || content.status?.code == .error else { return }
        onEnd(
            FinishedSpan(trace: trace, parent: parent, kind: kind, start: start, end: instant().nanosecondsSinceEpoch, content: content))
    }
}
