/// The kinds of metrics that Prometheus knows and that are used here.
package enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// The meaning of a metric: its help text, and the upper bounds of its buckets if it is a histogram.
package struct MetricDescription: Sendable {
    /// The buckets in seconds that OpenTelemetry's conventions give the durations of HTTP requests.
    package static let latencyBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    /// The buckets in seconds for work of a database, which is shorter.
    package static let databaseBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Powers of two, for counts of things.
    package static let countBuckets = [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512]

    package let name: String
    package let help: String
    package let buckets: [Double]

    package init(_ name: String, _ help: String, buckets: [Double] = MetricDescription.latencyBuckets) {
        self.name = name
        self.help = help
        self.buckets = buckets
    }
}

/// One value of a metric at this moment.
package struct MetricSample: Sendable {
    package let labels: [(String, String)]
    package let value: Double

    package init(_ value: Double, _ labels: [(String, String)] = []) {
        self.labels = labels
        self.value = value
    }
}
