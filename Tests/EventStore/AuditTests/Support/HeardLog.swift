import Logging
import Synchronization

/// A logger whose lines are kept.
final class HeardLog: Sendable {
    private let heard = Mutex<[(level: Logger.Level, line: String)]>([])

    var logger: Logger { Logger(label: "heard") { _ in Handler(kept: self) } }

    /// Message and metadata of each line of that level so far.
    func lines(at level: Logger.Level) -> [String] { heard.withLock { $0.filter { $0.level == level }.map(\.line) } }

    private struct Handler: LogHandler {
        let kept: HeardLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
            let line = "\(event.message) " + all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            kept.heard.withLock { $0.append((event.level, line)) }
        }
    }
}
