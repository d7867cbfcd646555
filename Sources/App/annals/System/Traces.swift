import ArgumentParser
import EventSourcing
import FoundationEssentials
import Logging
import ServiceLifecycle
import Spans
import Telemetry

/// The traces of this process: recorded where the settings name a collector. docs/telemetry.md shows their spans.
enum Traces {
    /// The name of what runs, as logs and traces have it: `annals` for the whole, `annals-gateway` for a part.
    static func serviceName(of components: some Collection<Component>) -> String {
        components.count == Component.allCases.count ? "annals" : "annals-" + components.map(\.rawValue).sorted().joined(separator: "-")
    }

    /// Begins to record spans, and returns what exports them; nil where no collector is named.
    static func begin(_ settings: Settings, _ components: Set<Component>, _ logger: Logger) -> SpanExporter? {
        guard let url = settings.otlpURL else { return nil }
        let queue = SpanQueue()
        SpanRecording.begin(RatioTracer(ratio: settings.traceRatio, queue: queue))
        Metrics.show(queue)
        return SpanExporter(
            queue, to: url, service: serviceName(of: components), instance: UUID.v7().lowercased, version: Annals.configuration.version,
            logger: logger)
    }
}

/// Exports spans until told to stop, and then those that are left.
struct TraceExport: Service {
    let exporter: SpanExporter

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await exporter.run() }
        } catch is CancellationError {
            try await exporter.flush()
        }
    }
}
