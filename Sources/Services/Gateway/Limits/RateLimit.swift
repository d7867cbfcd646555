/// So many calls in so much time, such as 100 in 60 s.
package struct RateLimit: Sendable, Equatable {
    package let count: Int
    package let window: Duration

    /// - Parameters:
    ///   - count: 1 to 1,000,000.
    ///   - window: a second to a day.
    package init?(_ count: Int, in window: Duration) {
        guard 1...1_000_000 ~= count, Duration.seconds(1) <= window, window <= .seconds(86_400) else { return nil }
        self.count = count
        self.window = window
    }

    /// Reads `100/60s`; the unit is `s`, `m` or `h`.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), let unit = parts[1].last, let amount = Int64(parts[1].dropLast()) else { return nil }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600]
        guard let seconds = units[unit], 1...86_400 ~= amount else { return nil }
        self.init(count, in: .seconds(amount * seconds))
    }
}

extension RateLimit: CustomStringConvertible {
    package var description: String { "\(count)/\(window.components.seconds)s" }
}
