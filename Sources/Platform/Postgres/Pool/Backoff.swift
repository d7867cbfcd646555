/// Waiting times between attempts: full jitter, so that many clients of one database don't come back in step.
enum Backoff {
    static let base: Duration = .milliseconds(50)
    static let cap: Duration = .seconds(2)

    /// Anything from nothing to 50 ms, 100 ms, 200 ms, … and never more than 2 s.
    static func delay(afterFailures failures: Int) -> Duration {
        let ceiling = min(cap, base * Double(1 << min(max(failures - 1, 0), 10)))
        return ceiling * Double.random(in: 0...1)
    }
}
