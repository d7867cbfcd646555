import Glibc
import JSON
package import Logging

/// Writes the log to standard error, a line a message.
///
/// As JSON a line is one object: `time`, `level`, `message`, `service`, `source`, then the metadata, numbers as numbers. As text it is what a person
/// reads, in colours where the terminal has them. Nothing in either can steer a terminal.
package struct LineLogHandler: LogHandler {
    /// The form of all lines of this process.
    package struct Form: Sendable {
        package let isJSON: Bool
        package let hasColors: Bool
        /// The value of `service` where a line has none of its own.
        package let service: String

        package init(isJSON: Bool, hasColors: Bool, service: String) {
            self.isJSON = isJSON
            self.hasColors = hasColors
            self.service = service
        }
    }

    private let form: Form
    private let write: @Sendable ([UInt8]) -> Void
    package var metadata: Logger.Metadata = [:]
    package var logLevel = Logger.Level.info

    /// - Parameter write: takes a whole line, with its end.
    package init(_ form: Form, write: @escaping @Sendable ([UInt8]) -> Void = Self.writeToStandardError) {
        self.form = form
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        write(form.isJSON ? json(event, all) : text(event, all))
    }

    private func json(_ event: LogEvent, _ metadata: Logger.Metadata) -> [UInt8] {
        var metadata = metadata
        let service = metadata.removeValue(forKey: "service")
        var writer = JSONWriter()
        writer.object {
            $0.name("time")
            $0.string(LogTime.now.utc)
            $0.name("level")
            $0.string(event.level.rawValue)
            $0.name("message")
            $0.string("\(event.message)")
            $0.name("service")
            $0.string(service.map { "\($0)" } ?? form.service)
            $0.name("source")
            $0.string(event.source)
            for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
                $0.name(Self.reserved.contains(name) ? name + "_" : name)
                $0.value(value.json)
            }
        }
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static let reserved: Set<String> = ["time", "level", "message", "source"]

    private func text(_ event: LogEvent, _ metadata: Logger.Metadata) -> [UInt8] {
        func colored(_ code: String, _ text: String) -> String { form.hasColors ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
        let level = event.level.rawValue
        let padded = level + String(repeating: " ", count: max(0, 8 - level.utf8.count))
        var line = colored("2", LogTime.now.local) + " " + colored(event.level.color, padded) + " " + "\(event.message)".escapingControls
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " " + colored("2", name + "=") + "\(value)".escapingControls
        }
        return Array((line + "\n").utf8)
    }

    /// One call of write(2) a line, so that lines of several threads don't mix. What can't be written is lost: a log must end no request.
    @Sendable package static func writeToStandardError(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Glibc.write(STDERR_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}

extension Logger.Level {
    fileprivate var color: String {
        switch self {
        case .trace, .debug: "2"
        case .info: "32"
        case .notice: "36"
        case .warning: "33"
        case .error: "31"
        case .critical: "1;31"
        }
    }
}

extension Logger.MetadataValue {
    fileprivate var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .stringConvertible(let value as any BinaryInteger): .integer(Int64(clamping: value))
        case .stringConvertible(let value as Double): value.isFinite ? JSONValue.number(value) : .string("\(value)")
        case .stringConvertible(let value as Bool): .bool(value)
        case .stringConvertible(let value): .string("\(value)")
        case .array(let values): .array(values.map(\.json))
        case .dictionary(let values):
            .object(values.sorted { $0.key < $1.key }.reduce(into: JSONObject()) { $0[$1.key] = $1.value.json })
        }
    }
}
