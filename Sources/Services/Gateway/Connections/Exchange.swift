import HTTPContract
import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1

/// A request and its response, as far as their connection is concerned.
final class Exchange {
    let isHTTP10: Bool
    /// The connection ends with this response.
    var isLast: Bool
    /// The client waits for 100 (Continue) before it sends the body.
    var awaitsContinue: Bool
    var isRequestComplete = false
    var isResponseBegun = false
    var isResponseComplete = false
    /// The response goes on for as long as its reader is there.
    private(set) var isEndless = false

    init(_ head: HTTPRequestHead) {
        isHTTP10 = head.version.isHTTP10
        // The decoder reads nothing behind a request with an upgrade, which is ignored otherwise (RFC 9110 §7.8).
        isLast = isHTTP10 || !head.isKeepAlive || head.headers.contains(name: "Upgrade")
        // RFC 9110 §10.1.1: HTTP/1.0 has no such expectation.
        awaitsContinue = !isHTTP10 && head.headers["Expect"].contains { WireText($0).isWord("100-continue") }
    }

    var isComplete: Bool { isRequestComplete && isResponseComplete }

    /// The head of the response as it is sent.
    func finished(_ head: HTTPResponseHead) -> HTTPResponseHead {
        var head = head
        isEndless = head.headers.first(name: "Content-Type") == "text/event-stream"
        if !head.headers.contains(name: SecurityHeaders.always[0].name.canonicalName) {
            for header in SecurityHeaders.always { head.headers.add(name: header.name.canonicalName, value: header.value) }
        }
        if isLast { head.headers.replaceOrAdd(name: "Connection", value: "close") }
        // RFC 9112 §6.1: no chunks to a client that may not know them. To the encoder the version says so; the body then ends with the connection.
        if isHTTP10, !head.headers.contains(name: "Content-Length") { head.version = .http1_0 }
        return head
    }
}

/// Told to the connection when a request's body is read for the first time: then, and no sooner, a client that waits for it gets 100 (Continue).
/// A request that is refused without a look at its body so costs its client no upload.
struct BodyIsAwaited: Sendable {}

extension Request {
    /// The same; for a client that expects 100 (Continue), the first read of its body is told to the connection.
    func awaitingContinue(on channel: any Channel) -> Request {
        guard head.headerFields[.expect] != nil else { return self }
        return Request(head: head, body: RequestBody(asyncSequence: AwaitedBody(body: body, channel: channel)))
    }
}

private struct AwaitedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let body: RequestBody
    let channel: any Channel

    struct AsyncIterator: AsyncIteratorProtocol {
        var body: RequestBody.AsyncIterator
        var channel: (any Channel)?

        @concurrent mutating func next() async throws -> ByteBuffer? {
            if let channel = channel.take() { try await channel.triggerUserOutboundEvent(BodyIsAwaited()) }
            return try await body.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: body.makeAsyncIterator(), channel: channel) }
}
