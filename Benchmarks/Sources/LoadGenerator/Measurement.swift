/// The result of one run, as a line of JSON.
struct Measurement {
    let latencies: [Duration]
    let elapsed: Duration
    let batches: Int
    let requests: Int

    var line: String {
        let sorted = latencies.sorted()
        func percentile(_ share: Double) -> Double { sorted.isEmpty ? 0 : (sorted[Int(Double(sorted.count - 1) * share)] / .milliseconds(1)) }
        let rate = Double(latencies.count) / (elapsed / .seconds(1))
        let batch = batches == 0 ? 0 : Double(requests) / Double(batches)
        return "{\"rate\": \(rate), \"p50\": \(percentile(0.5)), \"p99\": \(percentile(0.99)), \"longest\": \(percentile(1)), \"batch\": \(batch)}"
    }
}
