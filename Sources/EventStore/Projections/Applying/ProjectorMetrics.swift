import CoreMetrics

/// The metrics of one read model in this process.
struct ProjectorMetrics: Sendable {
    private let parkedStreams: Gauge
    private let parkings: Counter

    init(_ model: String, factory: any MetricsFactory) {
        parkedStreams = Gauge(label: "annals_projection_parked_streams", dimensions: [("model", model)], factory: factory)
        parkings = Counter(label: "annals_projection_parkings_total", dimensions: [("model", model)], factory: factory)
    }

    /// How many streams wait now.
    func setParkedStreams(_ count: Int) { parkedStreams.record(count) }

    /// One more stream has been parked.
    func countParkedStream() { parkings.increment() }
}
