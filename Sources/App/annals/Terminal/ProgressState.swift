/// How far a piece of work of known size has come.
package struct ProgressState: Sendable, Equatable {
    /// The work, in a word or two.
    package var label: String
    package var completed: Int
    package var total: Int
    /// Since the work began.
    package var elapsed: Duration

    package init(label: String, completed: Int, total: Int, elapsed: Duration) {
        self.label = label
        self.completed = completed
        self.total = total
        self.elapsed = elapsed
    }

    /// From 0 to 1. Work of size 0 is done.
    package var fraction: Double { total > 0 ? min(1, max(0, Double(completed) / Double(total))) : 1 }

    /// Completed per second so far; nil before anything can be said.
    package var rate: Double? {
        let seconds = elapsed / .seconds(1)
        return completed > 0 && seconds > 0 ? Double(completed) / seconds : nil
    }

    /// The time left at the rate so far; nil before anything can be said.
    package var remaining: Duration? {
        rate.map { .seconds((Double(max(0, total - completed)) / $0).rounded(.up)) }
    }
}
