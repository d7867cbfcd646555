import AsyncHTTPClient
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Sends ended spans to a collector by OTLP over HTTP, as protobuf.
///
/// A batch that can't be delivered is sent again exactly where the specification allows it: after 429, 502, 503 and 504, and where no answer came.
/// Meanwhile the queue fills and drops; nobody who ends a span waits for a collector.
package struct SpanExporter: Sendable {
    /// How the exporter spaces its work.
    package struct Timing: Sendable {
        package var interval: Duration = .seconds(1)
        package var attempts = 6
        /// One attempt, and everything that is left at a stop.
        package var patience: Duration = .seconds(5)
        package var pause: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

        package init() {}
    }

    private static let batch = 512
    private static let longestPause = Duration.seconds(30)

    private let queue: SpanQueue
    private let url: String
    private let resource: [(String, String)]
    private let version: String
    private let timing: Timing
    private let logger: Logger

    /// - Parameters:
    ///   - url: the collector's; `/v1/traces` is added to one without a path.
    ///   - service: the value of `service.name`.
    ///   - instance: tells processes of one service apart.
    package init(
        _ queue: SpanQueue, to url: String, service: String, instance: String, version: String, timing: Timing = Timing(), logger: Logger
    ) {
        self.queue = queue
        self.url = Self.endpoint(url)
        resource = [("service.name", service), ("service.instance.id", instance), ("service.version", version), ("service.namespace", "annals")]
        self.version = version
        self.timing = timing
        self.logger = logger
    }

    static func endpoint(_ url: String) -> String {
        let parts = url.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count <= 3 { return url + "/v1/traces" }
        return parts.count == 4 && parts[3].isEmpty ? url + "v1/traces" : url
    }

    /// Exports until cancelled; spans on their way then go back to the queue. Call `flush()` afterwards, in a task that is not.
    package func run() async throws {
        try await withClient { http in
            while true {
                try await timing.pause(timing.interval)
                try await export(over: http, attempts: timing.attempts) { queue.giveBack($0) }
            }
        }
    }

    /// Exports what is left, with one attempt for each batch, for as long as the patience lasts.
    package func flush() async throws {
        try await withClient { http in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        try await export(over: http, attempts: 1) { queue.noteDropped($0.count) }
                    } catch {
                        logger.warning("the last spans were not exported", metadata: ["reason": "\(error)"])
                    }
                }
                group.addTask { _ = try? await Task.sleep(for: timing.patience) }
                await group.next()
                group.cancelAll()
            }
        }
    }

    private func withClient(_ body: (HTTPClient) async throws -> Void) async throws {
        var configuration = HTTPClient.Configuration(timeout: .init(connect: .seconds(2)))
        configuration.redirectConfiguration = .disallow
        // The export is no part of any trace.
        configuration.tracing.tracer = nil
        let http = HTTPClient(eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
        do {
            try await body(http)
        } catch {
            try await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    /// - Parameter onCancel: gets the spans that were on their way when this was cancelled.
    private func export(over http: HTTPClient, attempts: Int, onCancel: ([FinishedSpan]) -> Void) async throws {
        while true {
            let spans = queue.take(Self.batch)
            if spans.isEmpty { return }
            do {
                if try await deliver(spans, over: http, attempts: attempts) { queue.noteExported(spans.count) }
            } catch {
                onCancel(spans)
                throw error
            }
        }
    }

    /// Whether the collector took them. Throws when cancelled.
    private func deliver(_ spans: [FinishedSpan], over http: HTTPClient, attempts: Int) async throws -> Bool {
        let body = ByteBuffer(bytes: OTLPMessage.request(spans, from: resource, version: version))
        var pause = Duration.milliseconds(500)
        var reason = ""
        for attempt in 1...attempts {
            var asked = Duration.zero
            do {
                let answer = try await send(body, over: http)
                switch answer.status.code {
                case 200..<300:
                    note(OTLPMessage.rejection(in: answer.body))
                    return true
                case 429, 502, 503, 504:
                    reason = "the collector answers \(answer.status.code)"
                    asked = answer.retryAfter ?? .zero
                default:
                    drop(spans, "the collector answers \(answer.status.code)")
                    return false
                }
            } catch {
                try Task.checkCancellation()
                reason = "\(error)"
            }
            if attempt == attempts { break }
            try await timing.pause(max(asked, min(pause * Double.random(in: 0.5...1.5), Self.longestPause)))
            pause = min(pause * 2, Self.longestPause)
        }
        drop(spans, reason)
        return false
    }

    private func send(_ body: ByteBuffer, over http: HTTPClient) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = ["content-type": "application/x-protobuf", "user-agent": "annals/\(version)"]
        request.body = .bytes(body)
        let response = try await http.execute(request, timeout: TimeAmount(timing.patience))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        let seconds = response.headers.first(name: "retry-after").flatMap { Int64($0) }
        return Answer(
            status: response.status, body: Array(bytes.readableBytesView), retryAfter: seconds.map { .seconds(max(0, min($0, 3600))) })
    }

    private struct Answer {
        let status: HTTPResponseStatus
        let body: [UInt8]
        let retryAfter: Duration?
    }

    private func note(_ rejection: (spans: Int64, message: String)?) {
        guard let rejection else { return }
        logger.warning(
            "the collector has not taken all spans", metadata: ["spans": "\(rejection.spans)", "reason": "\(rejection.message.prefix(200))"])
    }

    private func drop(_ spans: [FinishedSpan], _ reason: String) {
        queue.noteDropped(spans.count)
        logger.warning("spans could not be exported and are dropped", metadata: ["spans": "\(spans.count)", "reason": "\(reason)"])
    }
}
