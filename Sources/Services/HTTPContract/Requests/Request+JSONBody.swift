import EventSourcing
import HTTPTypes
package import Hummingbird
package import JSON
import NIOCore
import NIOPosix

extension Request {
    /// The body as a JSON object: 413 past the limit, whether the length is announced or not; 415 when it is not JSON by its `Content-Type`; 400 when
    /// there is none, or it is not JSON (lone surrogates included), or not an object.
    package func jsonBody(limit: Int = HTTPLimits.largestBodyBytes) async throws -> JSONObject {
        guard let object = try await optionalJSONBody(limit: limit) else { throw Problem.malformed("A JSON object is needed as body.") }
        return object
    }

    /// The same for a route that can do without a body: nil when there is none.
    package func optionalJSONBody(limit: Int = HTTPLimits.largestBodyBytes) async throws -> JSONObject? {
        try checkAnnouncedLength(limit: limit)
        let buffer: ByteBuffer
        do {
            buffer = try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw Problem.payloadTooLarge(limit: limit)
        }
        // An absent body has no media type, though browsers name one (Beacon §3.1: text/plain).
        guard buffer.readableBytes > 0 else { return nil }
        guard let type = header(.contentType), isUncoded else { throw Problem.unsupportedMediaType() }
        try Self.checkMediaType(type)
        guard let object = try await Self.parse(buffer).members else { throw Problem.malformed("The body must be a JSON object.") }
        return object
    }

    /// The same for a route that takes no fields: an object without members, or no body.
    package func emptyJSONBody() async throws -> JSONObject {
        let body = try await optionalJSONBody() ?? [:]
        var fields = Fields(body)
        try fields.finish()
        return body
    }

    /// 413 when `Content-Length` says more than the limit, before any of the body is read.
    package func checkAnnouncedLength(limit: Int) throws(Problem) {
        guard let announced = header(.contentLength) else { return }
        guard let length = announced.number else { throw .malformed("Content-Length is not a number.") }
        guard length <= limit else { throw .payloadTooLarge(limit: limit) }
    }

    /// Whether the body is as it is: RFC 9110 §8.4.1 reserves `identity` for saying so in `Accept-Encoding`, and clients say it here, too.
    private var isUncoded: Bool {
        guard let coding = header(.contentEncoding) else { return true }
        return coding.split(at: ",").allSatisfy { $0.trimmingBlanks.isWord("identity") || $0.trimmingBlanks.isEmpty }
    }

    /// The largest body that is parsed at once. Many small values cost milliseconds, and a flood of them would leave no thread for anybody else.
    private static let largestPromptBody = 1 << 16

    /// A large one is parsed on a thread of NIO's, outside Swift's pool.
    private static func parse(_ buffer: ByteBuffer) async throws -> JSONValue {
        guard buffer.readableBytes > largestPromptBody else { return try parseNow(buffer) }
        return try await NIOThreadPool.singleton.runIfActive { try parseNow(buffer) }
    }

    private static func parseNow(_ buffer: ByteBuffer) throws(Problem) -> JSONValue {
        if buffer.readableBytesView.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw .malformed("The body starts with a byte order mark; RFC 8259 §8.1 forbids it.")
        }
        do {
            return try JSONValue.parse(buffer.readableBytesView)
        } catch {
            throw .malformed("The body is not JSON: \(error.reason) (byte \(error.offset)).")
        }
    }

    /// `application/json` or `application/<anything>+json`, in UTF-8.
    private static func checkMediaType(_ value: WireText) throws(Problem) {
        let parts = value.split(at: ";").map(\.trimmingBlanks)
        guard let (type, subtype) = parts[0].cut(at: "/"), type.isWord("application"),
            subtype.isWord("json") || subtype.count > 5 && subtype.dropFirst(subtype.count - 5).isWord("+json")
        else { throw .unsupportedMediaType() }
        for parameter in parts.dropFirst() {
            guard let (name, charset) = parameter.cut(at: "="), name.isWord("charset") else { continue }
            guard charset.unquoted.isWord("utf-8") else { throw .unsupportedMediaType("JSON is UTF-8 here, as RFC 8259 §8.1 asks.") }
        }
    }
}
