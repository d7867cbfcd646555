package import AccessTokens
import EventSourcing
package import HTTPTypes
package import Hummingbird
package import JSON
package import Logging
package import NIOCore
package import PublishingAPI

/// How one service calls another: in its own name, with a fresh service token, under the ids of the call that led to it, and for its caller.
package struct ServiceClient: Sendable {
    /// More than any internal answer needs.
    private static let maximumAnswerBytes = 16 << 20

    private let identity: ServiceIdentity
    private let audience: ServiceName
    private let upstream: any Upstream
    private let logger: Logger

    /// - Parameters:
    ///   - identity: who calls.
    ///   - audience: who is called.
    package init(
        _ identity: ServiceIdentity, audience: ServiceName, upstream: any Upstream, logger: Logger = Logger(label: "annals.client")
    ) {
        self.identity = identity
        self.audience = audience
        self.upstream = upstream
        self.logger = logger
    }

    /// Sends a JSON object to an endpoint; `values` fill in its path. Without a context, as for a follower's own calls, one is made.
    package func post(
        _ endpoint: Endpoint, _ values: String..., json: JSONObject, headers: HTTPFields = [:], context: CallContext? = nil
    ) async throws -> ServiceAnswer {
        let body = ByteBuffer(bytes: JSONValue.object(json).encoded)
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.contentLength] = String(body.readableBytes)
        return try await send(.post, endpoint.path(values), headers, RequestBody(buffer: body), context)
    }

    /// Asks an endpoint for something. `query` is written as it stands.
    package func get(
        _ endpoint: Endpoint, _ values: String..., query: String = "", headers: HTTPFields = [:], context: CallContext? = nil
    ) async throws -> ServiceAnswer {
        try await send(.get, endpoint.path(values) + (query.isEmpty ? "" : "?" + query), headers, RequestBody(buffer: ByteBuffer()), context)
    }

    /// The answer to a call of this client. A service that can't be reached is a line in the log, and 503 for the caller.
    package func reach(logger: Logger, _ call: (ServiceClient) async throws -> ServiceAnswer) async throws -> ServiceAnswer {
        do {
            return try await call(self)
        } catch let error where error is CancellationError || error is Problem || Task.isCancelled {
            throw error
        } catch {
            logger.warning("a service can't be reached", metadata: ["service": "\(audience)", "error": "\(error)"])
            throw Problem.unavailable()
        }
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields, _ body: RequestBody, _ context: CallContext?
    ) async throws -> ServiceAnswer {
        var headers = headers
        if let context { headers[.caller] = context.keyOwner }
        let context = context ?? CallContext(logger: logger)
        headers[.serviceToken] = try identity.token(to: audience)
        headers[.requestID] = context.requestID
        headers[.traceparent] = context.traceparent
        let head = HTTPRequest(method: method, scheme: "http", authority: audience.rawValue, path: path, headerFields: headers)
        let response = try await upstream.send(Request(head: head, body: body), context: context)
        return try await ServiceAnswer(response, limit: Self.maximumAnswerBytes)
    }
}

/// The answer of one service to another.
package struct ServiceAnswer: Sendable {
    package let status: HTTPResponse.Status
    package let headers: HTTPFields
    /// Nil for an answer without a body.
    package let body: JSONValue?

    init(_ response: Response, limit: Int) async throws {
        let buffer = try await response.body.collect(upTo: limit)
        status = response.status
        headers = response.headers
        body = buffer.readableBytes == 0 ? nil : try JSONValue.parse(buffer.readableBytesView)
    }

    package var isSuccess: Bool { status.kind == .successful }

    /// The `data` member of a success.
    package var data: JSONValue? { isSuccess ? body?["data"] : nil }

    /// The problem's code, of a failure that is one.
    package var problemCode: Problem.Code? { isSuccess ? nil : body?["code"]?.text.flatMap { Problem.Code(rawValue: $0) } }
}

extension ServiceClient {
    /// The feed of the auth service that this client reaches.
    package var revocationFeed: RevocationFollower.Feed {
        { cursor in
            let answer = try await self.get(.revocations, query: cursor.map { "after=\($0)" } ?? "")
            guard let update = answer.data.flatMap(RevocationUpdate.init) else { throw UnreadableFeed(status: answer.status.code) }
            return update
        }
    }
}

/// The feed answered with something else than revocations.
struct UnreadableFeed: Error {
    let status: Int
}

extension ResponseBody {
    /// The whole body as one buffer. Throws `NIOTooManyBytesError` past the limit.
    package func collect(upTo limit: Int) async throws -> ByteBuffer {
        let sink = BodySink(limit: limit)
        try await write(BodySinkWriter(sink: sink))
        return sink.buffer
    }
}

/// Used by one writer at a time, within one call.
private final class BodySink {
    var buffer = ByteBuffer()
    let limit: Int

    init(limit: Int) { self.limit = limit }
}

private struct BodySinkWriter: ResponseBodyWriter {
    let sink: BodySink

    mutating func write(_ buffer: ByteBuffer) async throws {
        guard sink.buffer.readableBytes + buffer.readableBytes <= sink.limit else { throw NIOTooManyBytesError(maxBytes: sink.limit) }
        sink.buffer.writeImmutableBuffer(buffer)
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
