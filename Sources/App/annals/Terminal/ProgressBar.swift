import Synchronization

/// Shows progress on standard error: on a terminal as a bar that redraws itself, elsewhere as a plain line every few seconds. Any task may call it.
package final class ProgressBar: Sendable {
    /// How progress is shown.
    package enum Style: Sendable {
        /// One line that is written over. The width is asked for at each drawing, since windows change.
        case bar(width: @Sendable () -> Int, isColored: Bool)
        case lines(every: Duration)

        /// The style that suits this process's standard error.
        package static var standardError: Style {
            StandardError.isTerminal ? .bar(width: { StandardError.columns }, isColored: StandardError.allowsColor) : .lines(every: .seconds(5))
        }
    }

    /// Ten drawings a second look smooth and cost nothing.
    private static let shortestPause = Duration.milliseconds(100)
    private static let clearedLine = "\r\u{1B}[K"

    private struct State {
        var progress: ProgressState
        var lastShown: ProgressState?
        var isOnScreen = false
    }

    private let style: Style
    private let elapsed: @Sendable () -> Duration
    private let write: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// A bar for work that begins now. `elapsed` is the time since then.
    package init(
        _ label: String, total: Int = 0, style: Style = .standardError, elapsed: (@Sendable () -> Duration)? = nil,
        write: @escaping @Sendable (String) -> Void = StandardError.write
    ) {
        let start = ContinuousClock.now
        self.style = style
        self.elapsed = elapsed ?? { ContinuousClock.now - start }
        self.write = write
        state = Mutex(State(progress: ProgressState(label: label, completed: 0, total: total, elapsed: .zero)))
    }

    /// Records how far the work has come, and shows it unless something was shown a moment ago.
    package func update(completed: Int, total: Int? = nil) {
        state.withLock { state in
            state.progress.completed = completed
            if let total { state.progress.total = total }
            state.progress.elapsed = elapsed()
            guard isDue(state) else { return }
            show(&state)
        }
    }

    /// Writes a line of its own, above the bar.
    package func note(_ line: String) {
        state.withLock { state in
            write((state.isOnScreen ? Self.clearedLine : "") + line + "\n")
            guard state.isOnScreen else { return }
            show(&state)
        }
    }

    /// Shows where the work ended and ends the line.
    package func finish() {
        state.withLock { state in
            state.progress.elapsed = elapsed()
            if case .lines = style, state.lastShown?.completed == state.progress.completed { return }
            show(&state)
            if state.isOnScreen { write("\n") }
            state.isOnScreen = false
        }
    }

    /// Leaves the bar as it was last shown: the work did not come to its end. Whatever is printed next stands on a line of its own.
    package func breakOff() {
        state.withLock { state in
            if state.isOnScreen { write("\n") }
            state.isOnScreen = false
        }
    }

    private func isDue(_ state: State) -> Bool {
        guard let lastShown = state.lastShown else {
            // In a log the first line comes when there is something to say; on a terminal the bar comes at once.
            if case .lines(let pause) = style { return state.progress.elapsed >= pause }
            return true
        }
        let pause =
            switch style {
            case .bar: Self.shortestPause
            case .lines(let pause): pause
            }
        return state.progress.elapsed - lastShown.elapsed >= pause
    }

    private func show(_ state: inout State) {
        state.lastShown = state.progress
        switch style {
        case .bar(let width, let isColored):
            write(Self.clearedLine + state.progress.bar(width: width() - 1, isColored: isColored))
            state.isOnScreen = true
        case .lines:
            write(state.progress.line + "\n")
        }
    }
}
