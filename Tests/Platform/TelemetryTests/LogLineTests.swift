import JSON
import Logging
import Synchronization
import Telemetry
import Testing

@Suite struct `A line of the log` {
    private func line(isJSON: Bool, hasColors: Bool = false, _ body: (Logger) -> Void) -> String {
        let written = Written()
        let form = LineLogHandler.Form(isJSON: isJSON, hasColors: hasColors, service: "annals-queries")
        var logger = Logger(label: "test") { _ in LineLogHandler(form) { bytes in written.bytes.withLock { $0 += bytes } } }
        logger.logLevel = .trace
        body(logger)
        return String(decoding: written.bytes.withLock { $0 }, as: UTF8.self)
    }

    private final class Written: Sendable { let bytes = Mutex<[UInt8]>([]) }

    @Test func `is one JSON object, its numbers numbers`() throws {
        let text = line(isJSON: true) {
            $0.info("a \"quoted\"\nmessage", metadata: ["status": .stringConvertible(201), "duration": .stringConvertible(1.5), "list": ["a", "b"]])
        }
        #expect(text.hasSuffix("}\n") && text.split(separator: "\n").count == 1)
        let json = try JSONValue.parse(Array(text.utf8))
        #expect(json["message"]?.text == "a \"quoted\"\nmessage" && json["level"]?.text == "info" && json["service"]?.text == "annals-queries")
        #expect(json["status"] == .integer(201) && json["duration"] == .number(1.5) && json["list"] == .array([.string("a"), .string("b")]))
        #expect(json["time"]?.text?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil && json["source"]?.text == "TelemetryTests")
    }

    @Test func `names the service that it is about, and keeps its own members`() throws {
        let text = line(isJSON: true) { $0.error("x", metadata: ["service": "gateway", "level": "metadata", "message": "metadata"]) }
        let json = try JSONValue.parse(Array(text.utf8))
        #expect(json["service"]?.text == "gateway" && json["level"]?.text == "error" && json["message"]?.text == "x")
        #expect(json["level_"]?.text == "metadata" && json["message_"]?.text == "metadata")
    }

    @Test func `has colours only where they are wanted, and can't steer a terminal`() {
        let plain = line(isJSON: false) { $0.warning("it \u{1B}[2J failed", metadata: ["reason": "\u{7}bell\nnext"]) }
        #expect(plain.contains(" warning ") && !plain.contains("\u{1B}") && !plain.contains("\u{7}") && plain.split(separator: "\n").count == 1)
        let colored = line(isJSON: false, hasColors: true) { $0.warning("it \u{1B}[2J failed") }
        #expect(colored.contains("\u{1B}[33mwarning") && !colored.contains("\u{1B}[2J"))
    }
}
