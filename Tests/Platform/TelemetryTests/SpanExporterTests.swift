import Logging
import NIOHTTP1
import Spans
import Synchronization
import TestSupport
import Testing
import Tracing

@testable import Telemetry

@Suite(.timeLimit(.minutes(15))) struct `Spans on their way to a collector` {
    private let queue = SpanQueue(capacity: 8)

    private func end(_ count: Int, sampled: Bool = true, kind: SpanKind = .internal, failed: Bool = false) {
        let tracer = RatioTracer(ratio: sampled ? 1 : 0, queue: queue)
        for number in 0..<count {
            let span = tracer.startSpan("span \(number)", context: .topLevel, ofKind: kind)
            if failed { span.setStatus(SpanStatus(code: .error)) }
            span.end()
        }
    }

    /// Exports what waits, and stops when `isDone`. Returns the pauses before repeats, in seconds.
    private func export(to collector: Collector, _ logger: Logger = Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }, until isDone: () -> Bool)
        async throws -> [Double]
    {
        let pauses = Mutex<[Duration]>([])
        var timing = SpanExporter.Timing()
        timing.interval = .milliseconds(1)
        timing.patience = patience
        timing.pause = { [interval = timing.interval] pause in
            if pause != interval { pauses.withLock { $0.append(pause) } }
            try Task.checkCancellation()
            await Task.yield()
        }
        let exporter = SpanExporter(queue, to: collector.url, service: "annals", instance: "one", version: "1", timing: timing, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { do { try await exporter.run() } catch is CancellationError { return } }
            try await eventually(isDone)
            group.cancelAll()
            try await group.waitForAll()
        }
        return pauses.withLock { $0.map { $0 / .seconds(1) } }
    }

    @Test(arguments: [429, 502, 503, 504]) func `are sent again after`(status: Int) async throws {
        end(3)
        try await Collector.run {
            .init($0 < 3 ? HTTPResponseStatus(statusCode: status) : .ok, headers: $0 == 1 ? ["Retry-After": "70"] : [:])
        } _: {
            collector in
            let pauses = try await export(to: collector) { queue.statistics.exported == 3 }
            #expect(collector.calls.count == 3 && Set(collector.calls.map(\.body)).count == 1)
            #expect(pauses.count == 2 && pauses[0] == 70 && pauses[1] < 7)
            #expect(queue.statistics == TraceStatistics(exported: 3))
        }
    }

    @Test(arguments: [400, 401, 404, 413, 500, 501]) func `are dropped and counted after`(status: Int) async throws {
        end(3)
        try await Collector.run { _ in
            .init(HTTPResponseStatus(statusCode: status))
        } _: { collector in
            let pauses = try await export(to: collector) { queue.statistics.dropped == 3 }
            #expect(collector.calls.count == 1 && pauses.isEmpty && queue.statistics.exported == 0)
        }
    }

    @Test func `that find the queue full are dropped and counted, and nobody waits`() {
        end(20)
        #expect(queue.statistics == TraceStatistics(dropped: 12) && queue.take(100).count == 8)
    }

    @Test func `go out at a stop`() async throws {
        try await Collector.run { collector in
            var timing = SpanExporter.Timing()
            timing.patience = patience
            let exporter = SpanExporter(
                queue, to: collector.url, service: "annals", instance: "one", version: "1", timing: timing,
                logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
            end(5)
            try await exporter.flush()
            #expect(queue.statistics == TraceStatistics(exported: 5) && collector.calls.map(\.head.uri) == ["/v1/traces"])
        }
    }

    @Test func `that are on their way at a stop go out with the last ones`() async throws {
        end(3)
        try await Collector.run { number in
            .init(number == 1 ? .serviceUnavailable : .ok)
        } _: { collector in
            var timing = SpanExporter.Timing()
            timing.interval = .milliseconds(1)
            timing.patience = patience
            // Waits for the second attempt until it is stopped.
            timing.pause = { [interval = timing.interval] pause in try await Task.sleep(for: pause == interval ? pause : .seconds(3600)) }
            let exporter = SpanExporter(
                queue, to: collector.url, service: "annals", instance: "one", version: "1", timing: timing,
                logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { do { try await exporter.run() } catch is CancellationError { return } }
                try await eventually { collector.calls.count == 1 }
                group.cancelAll()
                try await group.waitForAll()
            }
            #expect(queue.statistics == TraceStatistics())
            try await exporter.flush()
            #expect(queue.statistics == TraceStatistics(exported: 3))
        }
    }

    @Test func `that the collector says it has not taken are told of`() async throws {
        end(2)
        let log = SpokenLog()
        // partial_success { rejected_spans: 1, error_message: "full" }
        let answer = Collector.Answer(body: [0x0A, 8, 0x08, 1, 0x12, 4] + Array("full".utf8))
        try await Collector.run { _ in
            answer
        } _: { collector in
            _ = try await export(to: collector, log.logger) { queue.statistics.exported == 2 }
            #expect(log.text.contains("warning the collector has not taken all spans reason=full spans=1"))
        }
    }

    @Test(arguments: [
        ("http://c:4318", "http://c:4318/v1/traces"), ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp/v1/traces", "https://c/otlp/v1/traces"),
    ]) func `go to the path that is named, else to OTLP's own`(url: String, endpoint: String) {
        #expect(SpanExporter.endpoint(url) == endpoint)
    }
}

@Suite struct `A span` {
    private let queue = SpanQueue()

    @Test func `follows its parent's decision, whatever the ratio is`() {
        for isSampled in [true, false] {
            let parent = TraceContext(traceID: "4bf92f3577b34da6a3ce929d0e0e4736", spanID: "00f067aa0ba902b7", isSampled: isSampled)
            let span = RatioTracer(ratio: isSampled ? 0 : 1, queue: queue).startSpan("s", context: .below(parent), ofKind: .internal)
            #expect(span.context.trace?.traceID == parent.traceID && span.context.trace?.isSampled == isSampled)
            #expect(span.context.trace?.spanID != parent.spanID)
            span.end()
        }
        #expect(queue.take(9).count == 1)
    }

    @Test func `of a trace that begins is sampled by the ratio, alike in all processes`() {
        let ids = (0..<4000).map { _ in
            RatioTracer(ratio: 0.25, queue: queue).startSpan("s", context: .topLevel, ofKind: .internal).context.trace
        }.compactMap(\.self)
        let sampled = ids.filter(\.isSampled).count
        #expect(800...1200 ~= sampled, "\(sampled)")
        for trace in ids { #expect(RatioTracer.isSampled(trace.traceID, 0.25) == trace.isSampled) }
        #expect(RatioTracer.isSampled(String(repeating: "f", count: 32), 1) && !RatioTracer.isSampled(String(repeating: "0", count: 31) + "1", 0))
    }

    @Test func `of a server whose call was not sampled goes out alone if the call fails`() throws {
        let tracer = RatioTracer(ratio: 0, queue: queue)
        for isFailed in [false, true] {
            let server = tracer.startSpan("server", context: .topLevel, ofKind: .server)
            let inner = tracer.startSpan("inner", context: server.context, ofKind: .internal)
            inner.setStatus(SpanStatus(code: .error))
            inner.end()
            if isFailed { server.setStatus(SpanStatus(code: .error)) }
            server.end()
        }
        #expect(queue.take(9).map(\.content.name) == ["server"])
    }

    @Test func `keeps the type of an error and never its words`() throws {
        struct Secretive: Error, CustomStringConvertible { let description = "ann@example.org" }
        let span = RatioTracer(ratio: 1, queue: queue).startSpan("s", context: .topLevel, ofKind: .internal)
        span.recordError(Secretive())
        span.end()
        let message = OTLPMessage.request(queue.take(1), from: [("service.name", "annals")], version: "1")
        let text = String(decoding: message, as: UTF8.self)
        #expect(text.contains("Secretive") && !text.contains("ann@example.org"))
    }
}
