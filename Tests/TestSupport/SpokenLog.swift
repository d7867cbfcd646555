package import Logging

/// A logger whose lines can be waited for.
package struct SpokenLog: Sendable {
    package let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    package init() { (lines, continuation) = AsyncStream.makeStream() }

    package var logger: Logger {
        let continuation = continuation
        return Logger(label: "spoken") { _ in Handler(continuation: continuation) }
    }

    /// The next line that holds the text; nil when the task is cancelled first.
    package func line(with text: String) async -> String? {
        for await line in lines where line.contains(text) { return line }
        return nil
    }

    private struct Handler: LogHandler {
        let continuation: AsyncStream<String>.Continuation
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
            continuation.yield("\(event.level) \(event.message) \(all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })")
        }
    }
}
