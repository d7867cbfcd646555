import Synchronization
import Testing

@testable import annals

/// The output of a bar, at times that the test sets.
private final class Screen: Sendable {
    let text = Mutex("")
    let time = Mutex(Duration.zero)

    func bar(_ style: ProgressBar.Style) -> ProgressBar {
        ProgressBar(
            "work", total: 10, style: style, elapsed: { [self] in time.withLock { $0 } }, write: { [self] written in text.withLock { $0 += written } }
        )
    }

    var written: String { text.withLock { $0 } }
    func pass(_ duration: Duration) { time.withLock { $0 += duration } }
}

@Suite struct `A progress bar on a terminal` {
    private let style = ProgressBar.Style.bar(width: { 40 }, isColored: false)

    @Test func `redraws at most ten times a second`() {
        let screen = Screen()
        let bar = screen.bar(style)
        for completed in 1...5 {
            bar.update(completed: completed)
            screen.pass(.milliseconds(50))
        }
        #expect(screen.written.split(separator: "\r").count == 3)
    }

    @Test func `makes way for a note and comes back below it`() {
        let screen = Screen()
        let bar = screen.bar(style)
        bar.update(completed: 1)
        bar.note("a.md: odd")
        #expect(screen.written.contains("\r\u{1B}[Ka.md: odd\n\r\u{1B}[Kwork"))
    }

    @Test func `ends with its last figures and a new line`() {
        let screen = Screen()
        let bar = screen.bar(style)
        bar.update(completed: 1)
        bar.update(completed: 10)
        bar.finish()
        #expect(screen.written.hasSuffix("10/10 100 %\n"))
    }

    @Test func `breaks off with a new line where there is a bar, and with nothing where there is none`() {
        let screen = Screen()
        let bar = screen.bar(style)
        bar.breakOff()
        #expect(screen.written.isEmpty)
        bar.update(completed: 1)
        let shown = screen.written
        bar.breakOff()
        bar.breakOff()
        #expect(screen.written == shown + "\n")
    }
}

@Suite struct `A progress bar in a log` {
    @Test func `writes a plain line every few seconds and one at the end`() {
        let screen = Screen()
        let bar = screen.bar(.lines(every: .seconds(5)))
        for completed in 1...10 {
            screen.pass(.seconds(1))
            bar.update(completed: completed)
        }
        bar.finish()
        #expect(screen.written == "work: 5 of 10 (50 %), 1.0/s, 0:05 left\nwork: 10 of 10 (100 %), 1.0/s\n")
        #expect(!screen.written.contains("\u{1B}"))
    }
}
