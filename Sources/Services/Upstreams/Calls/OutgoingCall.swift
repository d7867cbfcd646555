import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import PublishingAPI

/// A request as it goes to an instance, whichever it is.
struct OutgoingCall: Sendable {
    enum Body: Sendable {
        case none
        case whole(ByteBuffer)
        /// As it comes, so many bytes.
        case stream(RequestBody, length: Int)
    }

    let method: HTTPMethod
    /// Path and query, as they came.
    let target: String
    let headers: HTTPHeaders
    let body: Body
    /// The event loop that the request came in on; nil where none did.
    let loop: (any EventLoop)?
    /// Whether it may be made again although it may have happened: it changes nothing, or has a key by which the service knows it again; and its body
    /// is at hand, for a streamed one is gone once it was begun.
    let isRepeatable: Bool
    /// Whether it reads what anyone may read: then two instances may be asked at once.
    let isPublicRead: Bool
    /// Whether the answer goes on for as long as its reader is there.
    let isStream: Bool
    /// How the reader is reached.
    let client: (any Channel)?
    /// Whether the service may take its time: the client asked it to wait for a position.
    let isPatient: Bool

    /// Fields that each connection to an instance has its own of, `Host` (which HTTP/2 may have beside `:authority`) among them.
    private static let replaced: Set = ["content-length", "expect", "host"]

    /// - Parameter endpoint: the endpoint, where the caller knows it.
    init(_ request: Request, for context: CallContext, as endpoint: Endpoint?, bufferingUpTo limit: Int) async throws {
        method = HTTPMethod(rawValue: request.method.rawValue)
        target = request.head.path ?? "/"
        loop = context.channel?.eventLoop
        isStream = endpoint?.isStream ?? false
        client = context.channel
        isPatient = request.headers.contains(.waitForPosition)
        let hasKey = request.headers.contains(.idempotencyKey) && endpoint?.route.takesIdempotencyKey ?? true
        isPublicRead = request.method == .get && endpoint?.route.access == .anyone && !isStream
        body = try await Self.body(of: request, bufferingUpTo: limit)
        let isSafe = request.method == .get || request.method == .head || hasKey
        if case .stream = body { isRepeatable = false } else { isRepeatable = isSafe }

        var headers = HTTPHeaders()
        for field in HopByHop.stripped(request.headers) where !Self.replaced.contains(field.name.canonicalName) {
            headers.add(name: field.name.rawName, value: field.value)
        }
        headers.replaceOrAdd(name: HTTPField.Name.requestID.rawName, value: context.requestID)
        headers.replaceOrAdd(name: HTTPField.Name.traceparent.rawName, value: context.traceparent)
        self.headers = headers
    }

    private static func body(of request: Request, bufferingUpTo limit: Int) async throws -> Body {
        // A gateway has read such a body and holds it whole.
        if request.headers.contains(.transferEncoding) { return .whole(try await request.body.collect(upTo: HTTPLimits.largestBodyBytes)) }
        guard let length = request.header(.contentLength)?.number, length > 0 else { return .none }
        guard length <= limit else { return .stream(request.body, length: Int(length)) }
        return .whole(try await request.body.collect(upTo: limit))
    }
}
