/// Growing pauses with full jitter, so that many services that lost the same peer do not come back at once.
struct ExponentialBackoff {
    private var ceiling: Duration
    private let longest: Duration

    init(first: Duration, longest: Duration) {
        ceiling = first
        self.longest = longest
    }

    /// The next pause: anything up to a ceiling that doubles each time.
    mutating func next() -> Duration {
        defer { ceiling = min(ceiling * 2, longest) }
        return ceiling * Double.random(in: 0...1)
    }
}
