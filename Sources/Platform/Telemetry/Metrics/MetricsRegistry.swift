package import CoreMetrics
import Synchronization

/// The metrics of one process, as swift-metrics hands them over and as `text(_:)` writes them for Prometheus.
///
/// Instruments are looked up by name and labels when they are made, so a caller makes them once and keeps them. Recording a value takes no lock.
///
/// Nobody outside can fill the memory: a family takes at most `maximumSeries` sets of labels, and the values of all further ones go nowhere.
/// `annals_metrics_rejected_total` counts those.
package final class MetricsRegistry: MetricsFactory {
    private struct State {
        var families: [String: Family] = [:]
        var observations: [Observation] = []
        var rejected = 0
    }

    private let descriptions: [String: MetricDescription]
    private let maximumSeries: Int
    private let state = Mutex(State())

    /// - Parameter descriptions: help texts and buckets of the metrics that will be made. Others get their name as help and the default buckets.
    package init(_ descriptions: [MetricDescription] = [], maximumSeries: Int = 1000) {
        self.descriptions = Dictionary(descriptions.map { ($0.name, $0) }) { first, _ in first }
        self.maximumSeries = maximumSeries
    }

    /// Adds values that are asked for at each scrape instead of being recorded.
    package func observe(
        _ name: String, _ kind: MetricKind, help: String, _ samples: @escaping @Sendable () -> [MetricSample]
    ) {
        state.withLock { $0.observations.append(Observation(name: name, kind: kind, help: help, samples: samples)) }
    }

    /// All metrics in one of the two text forms, sorted by name.
    package func text(_ format: MetricsText.Format) -> String {
        let (families, observations, rejected) = state.withLock { ($0.families, $0.observations, $0.rejected) }
        var text = MetricsText(format)
        // Observations ask other parts of the program, so they run without the lock.
        var all = families.map { name, family in (name, { (text: inout MetricsText) in family.write(as: name, to: &text) }) }
        all += observations.map { observation in (observation.name, { (text: inout MetricsText) in observation.write(to: &text) }) }
        all.append(
            (
                "annals_metrics_rejected_total",
                { text in
                    text.family(
                        "annals_metrics_rejected_total", .counter, help: "Instruments that were refused: too many sets of labels, or two kinds.")
                    text.sample("annals_metrics_rejected_total", "", Double(rejected))
                }
            ))
        for (_, write) in all.sorted(by: { $0.0 < $1.0 }) { write(&text) }
        return text.finished
    }

    private func series<Handler: MetricSeries>(
        _ name: String, _ dimensions: [(String, String)], _ kind: MetricKind, make: () -> Handler
    ) -> Handler {
        let labels = MetricsText.labels(dimensions)
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: kind, help: descriptions[name]?.help ?? name)
            if let known = family.series[labels] as? Handler { return known }
            let handler = make()
            guard family.kind == kind, family.series[labels] == nil, family.series.count < maximumSeries else {
                state.rejected += 1
                return handler
            }
            family.series[labels] = handler
            state.families[name] = family
            return handler
        }
    }

    private func histogram(_ name: String, _ dimensions: [(String, String)]) -> Histogram {
        let buckets = descriptions[name]?.buckets ?? MetricDescription.latencyBuckets
        return series(name, dimensions, .histogram) { Histogram(bounds: buckets) }
    }

    /// A label of swift-metrics as a Prometheus name: `http.server.request.duration` is `http_server_request_duration`.
    private static func name(_ label: String) -> String {
        String(label.map { $0 == "_" || $0 == ":" || ($0.isASCII && ($0.isLetter || $0.isNumber)) ? $0 : "_" })
    }
}

extension MetricsRegistry {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(Self.name(label), dimensions, .counter) { CounterSeries() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(Self.name(label), dimensions, .gauge) { GaugeSeries() }
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate ? histogram(Self.name(label), dimensions) : series(Self.name(label), dimensions, .gauge) { GaugeSeries() }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { histogram(Self.name(label), dimensions) }

    // An instrument that is given back stays: its values are part of a total.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}

/// All series of one name.
private struct Family {
    let kind: MetricKind
    let help: String
    /// By their labels as they are written.
    var series: [String: any MetricSeries] = [:]

    func write(as name: String, to text: inout MetricsText) {
        text.family(name, kind, help: help)
        for (labels, series) in series.sorted(by: { $0.key < $1.key }) { series.write(name, labels, to: &text) }
    }
}

private struct Observation {
    let name: String
    let kind: MetricKind
    let help: String
    let samples: @Sendable () -> [MetricSample]

    func write(to text: inout MetricsText) {
        let samples = samples()
        guard !samples.isEmpty else { return }
        text.family(name, kind, help: help)
        for sample in samples { text.sample(name, MetricsText.labels(sample.labels), sample.value) }
    }
}
