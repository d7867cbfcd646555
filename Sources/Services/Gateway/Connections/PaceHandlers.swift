import HTTPTypes
import NIOCore
import NIOHTTP1

/// What the two handlers of one connection know together. Used on its event loop only.
final class WatchedClient {
    var pace: ClientPace
    var isWatched = false
    var isClosed = false

    init(_ limits: ConnectionLimits, at now: NIODeadline) {
        pace = ClientPace(limits, at: now)
    }
}

/// Stands before the decoder, where bytes that make no whole request yet are seen, too. Closes the connection on a client that is too slow or sends too much.
///
/// One timer a connection, which looks every few seconds; a request and its answer set none.
final class ByteWatch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let client: WatchedClient

    init(_ client: WatchedClient) {
        self.client = client
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        client.pace.receive(bytes: unwrapInboundIn(data).readableBytes, at: context.eventLoop.now)
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        client.pace.wait(from: context.eventLoop.now)
        look(context)
        if !client.isClosed { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        client.pace.room(context.channel.isWritable, at: context.eventLoop.now)
        look(context)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        client.isClosed = true
        context.fireChannelInactive()
    }

    private func look(_ context: ChannelHandlerContext) {
        guard !client.isClosed else { return }
        if let objection = client.pace.objection(at: context.eventLoop.now) { return close(context, because: objection) }
        guard !client.isWatched else { return }
        client.isWatched = true
        // Weak: a connection that ends leaves nothing behind but the timer, whose end is near.
        context.eventLoop.assumeIsolated().scheduleTask(deadline: client.pace.due(at: context.eventLoop.now)) { [weak self, weak context] in
            guard let self, let context else { return }
            self.client.isWatched = false
            self.look(context)
        }
    }

    private func close(_ context: ChannelHandlerContext, because objection: ClientPace.Objection) {
        client.isClosed = true
        if client.pace.canBeTold {
            let answer = context.channel.allocator.buffer(string: Self.answer(to: objection))
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
        context.close(promise: nil)
    }

    /// Written by hand, since the encoder may be in the middle of nothing here.
    private static func answer(to objection: ClientPace.Objection) -> String {
        let status =
            switch objection {
            case .largeHead: "431 Request Header Fields Too Large"
            case .idle, .slowHead, .slowBody, .unreadAnswer, .endlessBody: "408 Request Timeout"
            }
        let headers = SecurityHeaders.always.map { "\($0.name.canonicalName): \($0.value)\r\n" }.joined()
        return "HTTP/1.1 \(status)\r\nconnection: close\r\ncontent-length: 0\r\n\(headers)\r\n"
    }
}

/// Stands behind the decoder and tells where requests and answers begin and end. Gives the server's own answers, such as its 400 for what is no HTTP, the headers that all
/// answers have.
final class RequestWatch: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let client: WatchedClient

    init(_ client: WatchedClient) {
        self.client = client
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: client.pace.headIsRead()
        case .body: break
        case .end: client.pace.requestIsRead()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head):
            client.pace.answerIsBegun()
            guard !head.headers.contains(name: SecurityHeaders.always[0].name.canonicalName) else { break }
            for header in SecurityHeaders.always { head.headers.add(name: header.name.canonicalName, value: header.value) }
            return context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body: break
        case .end: client.pace.answerIsWritten(at: context.eventLoop.now)
        }
        context.write(data, promise: promise)
    }
}
