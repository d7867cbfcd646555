import Spans
import Tracing

/// Spans as an `ExportTraceServiceRequest` of OTLP 1.x. Field numbers are those of opentelemetry-proto's `trace.proto`, `common.proto` and
/// `resource.proto`.
enum OTLPMessage {
    static func request(_ spans: [FinishedSpan], from resource: [(String, String)], version: String) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.message(1) { resourceSpans in
            resourceSpans.message(1) { for (name, value) in resource { $0.attribute(1, name, .string(value)) } }
            resourceSpans.message(2) { scopeSpans in
                scopeSpans.message(1) {
                    $0.string(1, "annals")
                    $0.string(2, version)
                }
                for span in spans { scopeSpans.message(2) { $0.span(span) } }
            }
        }
        return writer.bytes
    }

    /// How many spans of a request the collector says that it has not taken, and why; nil when it has taken all.
    static func rejection(in response: some Sequence<UInt8>) -> (spans: Int64, message: String)? {
        var reader = ProtobufReader(response)
        while let (field, value) = reader.next() {
            guard field == 1, case .data(let partial) = value else { continue }
            var inner = ProtobufReader(partial)
            var (spans, message): (Int64, String) = (0, "")
            while let (field, value) = inner.next() {
                switch (field, value) {
                case (1, .number(let count)): spans = Int64(truncatingIfNeeded: count)
                case (2, .data(let text)): message = String(decoding: text, as: UTF8.self)
                default: continue
                }
            }
            // A message without a count is a warning.
            return spans > 0 || !message.isEmpty ? (spans, message) : nil
        }
        return nil
    }
}

extension ProtobufWriter {
    fileprivate mutating func span(_ span: FinishedSpan) {
        data(1, hexadecimal(span.trace.traceID))
        data(2, hexadecimal(span.trace.spanID))
        if let parent = span.parent { data(4, hexadecimal(parent)) }
        string(5, span.content.name)
        integer(6, span.kind.number)
        fixed64(7, span.start)
        fixed64(8, max(span.start, span.end))
        attributes(9, span.content.attributes)
        for event in span.content.events {
            message(11) {
                $0.fixed64(1, event.nanosecondsSinceEpoch)
                $0.string(2, event.name)
                $0.attributes(3, event.attributes)
            }
        }
        for link in span.content.links {
            guard let trace = link.context.trace else { continue }
            message(13) {
                $0.data(1, hexadecimal(trace.traceID))
                $0.data(2, hexadecimal(trace.spanID))
                $0.attributes(4, link.attributes)
            }
        }
        if let status = span.content.status {
            message(15) {
                switch status.code {
                case .ok: $0.integer(3, 1)
                case .error: $0.integer(3, 2)
                }
            }
        }
        // Bit 0 of the trace's flags, as W3C has them.
        if span.trace.isSampled { fixed32(16, 1) }
    }

    private mutating func attributes(_ field: Int, _ attributes: SpanAttributes) {
        attributes.forEach { name, value in attribute(field, name, value) }
    }

    fileprivate mutating func attribute(_ field: Int, _ name: String, _ value: SpanAttribute) {
        message(field) { pair in
            pair.string(1, name)
            pair.message(2) { any in
                switch value {
                case .bool(let flag): any.boolean(2, flag)
                case .int32(let number): any.number(3, Int64(number))
                case .int64(let number): any.number(3, number)
                case .double(let number): any.fixed64(4, number.bitPattern)
                case .string(let text): any.string(1, text)
                // The library's own enum, which may get further cases. We record no arrays.
                default: any.string(1, "\(value)")
                }
            }
        }
    }
}

extension SpanKind {
    fileprivate var number: Int {
        switch self {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}

private func hexadecimal(_ digits: String) -> [UInt8] {
    let values = digits.compactMap(\.hexDigitValue)
    return stride(from: 0, to: values.count - 1, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
}
