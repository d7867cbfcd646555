/// Writes metrics in the text form of Prometheus (version 0.0.4) or of OpenMetrics 1.0.
package struct MetricsText {
    package enum Format: Sendable {
        case prometheus, openMetrics

        /// The form that an `Accept` header asks for. Prometheus asks for OpenMetrics by name; everyone else gets the older form.
        package init(accept: String?) { self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus }

        package var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    private let format: Format
    private var text = ""

    init(_ format: Format) { self.format = format }

    /// Begins a family. OpenMetrics names a counter's family without the `_total` of its samples.
    mutating func family(_ name: String, _ kind: MetricKind, help: String) {
        let isTotal = format == .openMetrics && kind == .counter && name.hasSuffix("_total")
        let family = isTotal ? String(name.dropLast("_total".count)) : name
        text += "# HELP \(family) \(Self.escaped(help, quotes: format == .openMetrics))\n# TYPE \(family) \(kind.rawValue)\n"
    }

    /// Adds a value. `labels` are as `labels(_:)` writes them.
    mutating func sample(_ name: String, _ labels: String, _ value: Double) {
        text += labels.isEmpty ? "\(name) \(Self.number(value))\n" : "\(name){\(labels)} \(Self.number(value))\n"
    }

    var finished: String { format == .openMetrics ? text + "# EOF\n" : text }

    /// Labels without the braces, sorted by name: `method="GET",route="/posts/{id}"`.
    static func labels(_ labels: [(String, String)]) -> String {
        labels.sorted { $0.0 < $1.0 }.map { name, value in "\(name)=\"\(escaped(value, quotes: true))\"" }.joined(separator: ",")
    }

    static func labels(_ labels: String, adding name: String, _ value: String) -> String {
        labels.isEmpty ? "\(name)=\"\(value)\"" : "\(labels),\(name)=\"\(value)\""
    }

    /// Whole numbers without a fraction, which other tools find easier to read.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
