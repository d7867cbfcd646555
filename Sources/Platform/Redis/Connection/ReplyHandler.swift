import NIOCore

/// Feeds a connection with what its channel reads.
final class ReplyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let reader = ReplyReader()
    private let receive: (RedisReply) -> Void
    private let end: (RedisError) -> Void

    init(receive: @escaping (RedisReply) -> Void, end: @escaping (RedisError) -> Void) {
        self.receive = receive
        self.end = end
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do throws(RedisError) {
            try reader.feed(unwrapInboundIn(data), receive)
        } catch {
            end(error)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { end(.unavailable("the server has closed the connection")) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.unavailable("the connection is lost (\(error))"))
        context.close(promise: nil)
    }
}
