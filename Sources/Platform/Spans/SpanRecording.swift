import Synchronization
package import Tracing

/// Whether this process records spans. Everything that would make one asks here first: with tracing off, that is all that it costs.
package enum SpanRecording {
    private static let flag = Atomic<Bool>(false)

    package static var isOn: Bool { flag.load(ordering: .relaxed) }

    /// Makes this tracer the process's own. Call it once, before the first span.
    package static func begin(_ tracer: some Tracer) {
        InstrumentationSystem.bootstrap(tracer)
        flag.store(true, ordering: .relaxed)
    }
}

/// Runs work inside a span below the current one; without tracing it runs the work and nothing else.
package func inSpan<Value>(_ name: @autoclosure () -> String, _ work: () async throws -> Value) async rethrows -> Value {
    guard SpanRecording.isOn else { return try await work() }
    return try await withSpan(name()) { _ in try await work() }
}

/// The same for a statement of a database, by OpenTelemetry's conventions.
/// - Parameter statement: its name in the program, never its text.
package func inQuerySpan<Value>(_ statement: String, _ work: () async throws -> Value) async rethrows -> Value {
    guard SpanRecording.isOn else { return try await work() }
    return try await withSpan("query \(statement)", ofKind: .client) { span in
        if span.isRecording { span.attributes = ["db.system.name": "postgresql", "db.operation.name": .string(statement)] }
        return try await work()
    }
}

/// Runs work that several earlier calls have led to in a trace of its own, linked to those of them that are sampled. Without tracing, and where none
/// is, it runs the work and nothing else.
/// - Parameter traceparents: of the calls that led to it; nil for one that nothing is known of.
package func inLinkedSpan<Value>(
    _ name: @autoclosure () -> String, causes traceparents: @autoclosure () -> [String?], _ work: () async throws -> Value
) async rethrows -> Value {
    guard SpanRecording.isOn else { return try await work() }
    var causes: [TraceContext] = []
    for case let text? in traceparents() {
        // Events of one command stand beside each other.
        guard causes.count < 128, text.hasSuffix("1"), let cause = TraceContext(traceparent: text), cause != causes.last else { continue }
        causes.append(cause)
    }
    guard !causes.isEmpty else { return try await work() }
    var context = ServiceContext.topLevel
    context.isSampled = true
    return try await withSpan(name(), context: context, ofKind: .consumer) { span in
        for cause in causes { span.addLink(SpanLink(context: .below(cause), attributes: [:])) }
        return try await work()
    }
}

/// The same as `inSpan` for work that doesn't wait.
package func inSpan<Value, Failure: Error>(_ name: @autoclosure () -> String, _ work: () throws(Failure) -> Value) throws(Failure) -> Value {
    guard SpanRecording.isOn else { return try work() }
    let span = startSpan(name())
    defer { span.end() }
    do {
        return try work()
    } catch {
        // A refusal is an answer, so the span has no error's status.
        span.attributes["error.type"] = "\(type(of: error))"
        throw error
    }
}
