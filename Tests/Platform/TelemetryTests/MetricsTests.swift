import AsyncHTTPClient
import CoreMetrics
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import Telemetry
import TestSupport
import Testing

@Suite("Metrics that a process has recorded")
struct MetricsTests {
    @Test("are written for Prometheus with help, type, labels and buckets")
    func prometheus() {
        let registry = filled()
        #expect(
            registry.text(.prometheus) == """
                # HELP annals_metrics_rejected_total Instruments that were refused: too many sets of labels, or two kinds.
                # TYPE annals_metrics_rejected_total counter
                annals_metrics_rejected_total 0
                # HELP depth How deep.
                # TYPE depth gauge
                depth 2.5
                # HELP seen_total What was \\\\ seen.
                # TYPE seen_total counter
                seen_total{kind="a \\"quoted\\" \\\\ name",place="here\\nthere"} 3
                # HELP took_seconds took_seconds
                # TYPE took_seconds histogram
                took_seconds_bucket{le="0.5"} 1
                took_seconds_bucket{le="2"} 2
                took_seconds_bucket{le="+Inf"} 3
                took_seconds_sum 11.25
                took_seconds_count 3

                """)
    }

    @Test("are written for OpenMetrics with the family's name without _total, and an end")
    func openMetrics() {
        let text = filled().text(.openMetrics)
        #expect(text.contains("# TYPE seen counter\nseen_total{"))
        #expect(text.hasSuffix("took_seconds_count 3\n# EOF\n"))
    }

    @Test("are in the form that the reader accepts")
    func negotiation() {
        #expect(MetricsText.Format(accept: nil) == .prometheus)
        #expect(MetricsText.Format(accept: "text/plain;version=0.0.4;q=0.3,*/*;q=0.1") == .prometheus)
        #expect(MetricsText.Format(accept: "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2") == .openMetrics)
    }

    @Test("are one instrument for one name and set of labels, in whatever order these are given")
    func sameInstrument() {
        let registry = MetricsRegistry()
        Counter(label: "seen.total", dimensions: [("a", "1"), ("b", "2")], factory: registry).increment()
        Counter(label: "seen_total", dimensions: [("b", "2"), ("a", "1")], factory: registry).increment(by: 4)
        #expect(registry.text(.prometheus).contains("seen_total{a=\"1\",b=\"2\"} 5\n"))
    }

    @Test("have a bounded number of sets of labels, and the rest is counted as refused")
    func bounded() {
        let registry = MetricsRegistry(maximumSeries: 10)
        for number in 0..<25 { Counter(label: "seen_total", dimensions: [("number", "\(number)")], factory: registry).increment() }
        let lines = registry.text(.prometheus).split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("seen_total{") }.count == 10)
        #expect(lines.contains("annals_metrics_rejected_total 15"))
    }

    @Test("keep the kind that a name had first")
    func kinds() {
        let registry = MetricsRegistry()
        Counter(label: "seen", dimensions: [], factory: registry).increment()
        Gauge(label: "seen", dimensions: [("a", "b")], factory: registry).record(7)
        #expect(registry.text(.prometheus).contains("# TYPE seen counter\nseen 1\n"))
        #expect(registry.text(.prometheus).contains("annals_metrics_rejected_total 1\n"))
    }

    @Test("lose nothing when many threads record at once")
    func concurrent() async {
        let registry = MetricsRegistry([MetricDescription("took", "How long.", buckets: [1])])
        let (counter, timer) = (Counter(label: "seen_total", factory: registry), Timer(label: "took", factory: registry))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<5000 {
                        counter.increment()
                        timer.recordNanoseconds(500_000_000)
                    }
                }
            }
        }
        let text = registry.text(.prometheus)
        #expect(text.contains("seen_total 40000\n"))
        #expect(text.contains("took_bucket{le=\"1\"} 40000\n") && text.contains("took_sum 20000\n"))
    }

    @Test("include what the kernel says of the process")
    func process() throws {
        let registry = MetricsRegistry()
        registry.observeProcess(version: "1.2.3")
        let text = registry.text(.prometheus)
        for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(name)")
            #expect(try #require(Double(line.dropFirst(name.count + 1))) > 0)
        }
        #expect(text.contains("annals_build_info{version=\"1.2.3\"} 1\n"))
    }

    private func filled() -> MetricsRegistry {
        let registry = MetricsRegistry([
            MetricDescription("seen_total", "What was \\ seen."), MetricDescription("took_seconds", "took_seconds", buckets: [0.5, 2]),
        ])
        Counter(label: "seen.total", dimensions: [("place", "here\nthere"), ("kind", "a \"quoted\" \\ name")], factory: registry).increment(by: 3)
        let timer = Timer(label: "took_seconds", factory: registry)
        for milliseconds in [250, 2000, 9000] { timer.recordMilliseconds(milliseconds) }
        registry.observe("depth", .gauge, help: "How deep.") { [MetricSample(2.5)] }
        return registry
    }
}

@Suite("The port of the metrics", .timeLimit(.minutes(15)))
struct MetricsServerTests {
    @Test("answers /metrics in the form that was asked for, and nothing else")
    func answers() async throws {
        let registry = MetricsRegistry()
        Counter(label: "seen_total", factory: registry).increment()
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        let server = MetricsServer(registry, port: 0, onListening: { found.yield($0) }, logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var first = ports.makeAsyncIterator()
            let port = try #require(await first.next())
            func get(_ path: String, accept: String? = nil, method: String = "GET") async throws -> (Int, String?, String) {
                var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
                request.method = .init(rawValue: method)
                if let accept { request.headers.add(name: "accept", value: accept) }
                let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
                return (
                    Int(answer.status.code), answer.headers.first(name: "content-type"), String(buffer: try await answer.body.collect(upTo: 1 << 20))
                )
            }
            let plain = try await get("/metrics")
            #expect(plain.0 == 200 && plain.1 == "text/plain; version=0.0.4; charset=utf-8" && plain.2.contains("seen_total 1\n"))
            let open = try await get("/metrics", accept: "application/openmetrics-text; version=1.0.0")
            #expect(open.1?.hasPrefix("application/openmetrics-text") == true && open.2.hasSuffix("# EOF\n"))
            #expect(try await get("/metrics", method: "HEAD").2.isEmpty)
            #expect(try await get("/metrics", method: "POST").0 == 405)
            #expect(try await get("/").0 == 404)
            group.cancelAll()
        }
    }
}
