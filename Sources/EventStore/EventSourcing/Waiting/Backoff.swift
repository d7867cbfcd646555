/// Growing waits between attempts. Each is drawn from the upper half of a ceiling that doubles, so that those who failed together don't retry
/// together.
package struct Backoff: Sendable {
    private let shortest: Duration
    private let longest: Duration
    private var ceiling: Duration
    /// The number of waits since the last success.
    package private(set) var count = 0

    package init(from shortest: Duration, to longest: Duration) {
        self.shortest = shortest
        self.longest = longest
        ceiling = shortest
    }

    /// The next wait.
    package mutating func next() -> Duration {
        defer { (ceiling, count) = (min(ceiling * 2, longest), count + 1) }
        return ceiling * Double.random(in: 0.5...1)
    }

    /// Begins again with the shortest wait, after a success.
    package mutating func reset() { self = Backoff(from: shortest, to: longest) }
}
