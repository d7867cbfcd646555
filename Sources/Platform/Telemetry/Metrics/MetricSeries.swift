import CoreMetrics
import Synchronization

/// The values under one set of labels.
protocol MetricSeries: AnyObject, Sendable {
    func write(_ name: String, _ labels: String, to text: inout MetricsText)
}

final class CounterSeries: MetricSeries, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { value.add(amount, ordering: .relaxed) }

    func reset() { value.store(0, ordering: .relaxed) }

    func write(_ name: String, _ labels: String, to text: inout MetricsText) {
        text.sample(name, labels, Double(value.load(ordering: .relaxed)))
    }
}

/// A value that goes up and down.
final class GaugeSeries: MetricSeries, MeterHandler, RecorderHandler {
    private let value = AtomicDouble()

    func set(_ value: Int64) { self.value.store(Double(value)) }
    func set(_ value: Double) { self.value.store(value) }
    func record(_ value: Int64) { self.value.store(Double(value)) }
    func record(_ value: Double) { self.value.store(value) }
    func increment(by amount: Double) { value.add(amount) }
    func decrement(by amount: Double) { value.add(-amount) }

    func write(_ name: String, _ labels: String, to text: inout MetricsText) { text.sample(name, labels, value.load()) }
}

/// Counts of values by buckets, and their sum.
final class Histogram: MetricSeries, TimerHandler, RecorderHandler {
    /// The most bounds that a histogram can have.
    static let maximumBounds = 19

    private let bounds: [Double]
    /// One bucket for each bound, and one above them all. In place, so that recording follows no pointer to them.
    private let counts = InlineArray<20, Atomic<Int>> { _ in Atomic(0) }
    private let sum = AtomicDouble()

    init(bounds: [Double]) { self.bounds = Array(bounds.prefix(Self.maximumBounds)) }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        counts[bucket].add(1, ordering: .relaxed)
        sum.add(value)
    }

    func write(_ name: String, _ labels: String, to text: inout MetricsText) {
        var total = 0
        for (bucket, bound) in bounds.enumerated() {
            total += counts[bucket].load(ordering: .relaxed)
            text.sample(name + "_bucket", MetricsText.labels(labels, adding: "le", MetricsText.number(bound)), Double(total))
        }
        total += counts[bounds.count].load(ordering: .relaxed)
        text.sample(name + "_bucket", MetricsText.labels(labels, adding: "le", "+Inf"), Double(total))
        text.sample(name + "_sum", labels, sum.load())
        text.sample(name + "_count", labels, Double(total))
    }
}

/// A `Double` that several threads add to.
private struct AtomicDouble: ~Copyable, Sendable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var known = bits.load(ordering: .relaxed)
        while true {
            let (isDone, present) = bits.weakCompareExchange(
                expected: known, desired: (Double(bitPattern: known) + amount).bitPattern, ordering: .relaxed)
            if isDone { return }
            known = present
        }
    }
}
