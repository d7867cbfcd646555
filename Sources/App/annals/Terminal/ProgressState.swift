/// How far a piece of work of known size has come.
package struct ProgressState: Sendable, Equatable {
    /// The work, in a word or two.
    package var label: String
    package var completed: Int
    package var total: Int
    /// Since the work began.
    package var elapsed: Duration

    /// From 0 to 1. Work of size 0 is done.
    package var fraction: Double { total > 0 ? min(1, max(0, Double(completed) / Double(total))) : 1 }

    /// Completed per second so far; nil before anything can be said.
    package var rate: Double? {
        let seconds = elapsed / .seconds(1)
        return completed > 0 && seconds > 0 ? Double(completed) / seconds : nil
    }

    /// The time left at the rate so far; nil before anything can be said.
    package var remaining: Duration? { rate.map { .seconds((Double(max(0, total - completed)) / $0).rounded(.up)) } }
}

extension ProgressState {
    /// One line for a terminal of that many columns, never longer: `import ━━━━━━━╌╌╌ 120/283 42 % 31/s 0:06 left`.
    /// Figures that don't fit are left out.
    package func bar(width: Int, isColored: Bool) -> String {
        let figures = [" \(completed)/\(total)", " \(percent) %", rateText.map { " \($0)" } ?? "", remainingText.map { " \($0) left" } ?? ""]
        let shownLabel = String(label.prefix(max(0, width - 1)))
        var tail = ""
        for figure in figures where shownLabel.count + tail.count + figure.count <= width { tail += figure }
        let room = min(40, width - shownLabel.count - tail.count - 1)
        guard room >= 5 else { return shownLabel + tail }
        let filled = Int((Double(room) * fraction).rounded(.down))
        let done = String(repeating: "━", count: filled)
        let left = String(repeating: "╌", count: room - filled)
        return isColored ? "\(shownLabel) \u{1B}[32m\(done)\u{1B}[0m\u{1B}[2m\(left)\u{1B}[0m\(tail)" : "\(shownLabel) \(done)\(left)\(tail)"
    }

    /// One plain line for a log file: `import: 120 of 283 (42 %), 31/s, 0:06 left`.
    package var line: String {
        "\(label): "
            + ["\(completed) of \(total) (\(percent) %)", rateText, remainingText.map { "\($0) left" }].compactMap(\.self).joined(separator: ", ")
    }

    private var percent: Int { Int((fraction * 100).rounded(.down)) }

    private var rateText: String? {
        rate.map { rate in rate < 10 ? "\((rate * 10).rounded() / 10)/s" : "\(Int(rate.rounded()))/s" }
    }

    private var remainingText: String? {
        guard completed < total, let remaining else { return nil }
        let seconds = remaining.components.seconds
        func padded(_ value: Int64) -> String { value < 10 ? "0\(value)" : String(value) }
        return seconds < 3600 ? "\(seconds / 60):\(padded(seconds % 60))" : "\(seconds / 3600):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
    }
}
