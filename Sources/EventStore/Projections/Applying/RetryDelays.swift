/// The waits between tries: doubling from 50 ms to 5 s, each drawn from the upper half so that many projectors do not come back in step.
struct RetryDelays {
    private var next = Duration.milliseconds(50)
    /// How often it was waited since the last success.
    private(set) var count = 0

    /// Back to the shortest, after a success.
    mutating func reset() { self = RetryDelays() }

    /// Waits a little longer than the last time. Throws `CancellationError`.
    mutating func wait() async throws {
        let delay = next * Double.random(in: 0.5...1)
        next = min(next * 2, .seconds(5))
        count += 1
        try await Task.sleep(for: delay)
    }
}
