package import Logging
import Synchronization

/// A logger whose lines are kept, and can be waited for. A line is its level, its message, and its metadata as `key=value`.
package final class SpokenLog: Sendable {
    package let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation
    private let kept = Mutex<[(level: Logger.Level, line: String)]>([])

    package init() { (lines, continuation) = AsyncStream.makeStream() }

    package var logger: Logger { Logger(label: "spoken") { _ in Handler(log: self) } }

    /// All lines so far.
    package var text: String { kept.withLock { $0.map(\.line).joined(separator: "\n") } }

    /// The lines of that level so far.
    package func lines(at level: Logger.Level) -> [String] { kept.withLock { $0.filter { $0.level == level }.map(\.line) } }

    /// The next line that holds the text; nil when the task is cancelled first.
    package func line(with text: String) async -> String? {
        for await line in lines where line.contains(text) { return line }
        return nil
    }

    private struct Handler: LogHandler {
        let log: SpokenLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
            let line = (["\(event.level) \(event.message)"] + all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }).joined(separator: " ")
            log.kept.withLock { $0.append((event.level, line)) }
            log.continuation.yield(line)
        }
    }
}
