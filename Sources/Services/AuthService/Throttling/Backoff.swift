/// How failures slow further tries down: the first few are free, then each doubles the pause, up to a longest one.
package struct Backoff: Sendable, Hashable {
    /// Failures without a pause.
    package var free: Int
    /// The pause after the last free one.
    package var first: Duration
    /// No pause is longer, so nobody is ever locked out for more than this by what others do.
    package var longest: Duration
    /// After so long without a failure all is forgotten.
    package var memory: Duration
    /// One failure is forgiven each time this has passed; nil forgives none before all are forgotten.
    package var forgiveness: Duration?

    package init(
        free: Int, first: Duration = .seconds(1), longest: Duration = .seconds(60), memory: Duration = .seconds(15 * 60), forgiveness: Duration? = nil
    ) {
        self.forgiveness = forgiveness
        self.free = free
        self.first = first
        self.longest = longest
        self.memory = memory
    }

    /// How long to pause after so many failures.
    func pause(after failures: Int) -> Duration {
        guard failures >= free else { return .zero }
        // Twenty doublings of a millisecond are a quarter of an hour; more would only overflow.
        return min(longest, first * (1 << min(failures - free, 20)))
    }
}
