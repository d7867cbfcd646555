import HTTPTypes
import HummingbirdCore
import NIOCore

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
