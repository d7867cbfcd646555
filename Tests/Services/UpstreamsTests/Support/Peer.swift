import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Upstreams

/// A server on loopback that says exactly what a test wants: HTTP, something else, or nothing.
final class Peer: Sendable {
    enum Reply: Sendable {
        /// These bytes; the connection stays.
        case bytes(String)
        /// These bytes, and the end of the connection.
        case last(String)
        /// Nothing, and the connection stays.
        case silence
        /// The connection is reset.
        case reset
        /// These bytes once the future is there.
        case later(EventLoopFuture<Void>, String)

        /// A whole answer.
        static func ok(_ body: String = "", status: String = "200 OK", headers: String = "") -> Reply {
            .bytes("HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
    }

    struct Call: Sendable {
        let head: HTTPRequestHead
        let body: String

        var isCheck: Bool { head.uri == "/ready" }
    }

    private let channel: any Channel
    private let seen: Seen

    var instance: Instance { Instance(host: "127.0.0.1", port: channel.localAddress?.port ?? 0) }
    /// The requests that it got, checks left out.
    var calls: [Call] { seen.calls.withLock { $0 } }
    /// Connections that are there.
    var connections: Int { seen.connections.withLock { $0 } }

    fileprivate final class Seen: Sendable {
        let calls = Mutex<[Call]>([])
        let connections = Mutex(0)
    }

    private init(_ channel: any Channel, _ seen: Seen) {
        self.channel = channel
        self.seen = seen
    }

    /// A peer that runs until it is stopped.
    /// - Parameters:
    ///   - ready: what it says when it is asked whether it is ready.
    ///   - onHead: its answer before the body has come, if any.
    static func start(
        port: Int = 0, ready: @escaping @Sendable () -> Bool = { true }, onHead: @escaping @Sendable (HTTPRequestHead) -> Reply? = { _ in nil },
        _ reply: @escaping @Sendable (Call) -> Reply
    ) async throws
        -> Peer
    {
        let seen = Seen()
        let children = Children()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                children.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    // Replies are raw bytes, so only requests are decoded.
                    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes))
                    try channel.pipeline.syncOperations.addHandlers(
                        decoder,
                        PeerHandler(seen, onHead: onHead) { $0.isCheck ? .ok(status: ready() ? "200 OK" : "503 Service Unavailable") : reply($0) })
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        channel.closeFuture.whenComplete { _ in children.reset() }
        return Peer(channel, seen)
    }

    /// Ends it as a kill does: nothing listens any more, and connections are reset.
    func kill() async throws {
        try await channel.close()
        try await eventually { connections == 0 }
    }

    private final class Children: Sendable {
        private let channels = Mutex<[any Channel]>([])

        func add(_ channel: any Channel) { channels.withLock { $0.append(channel) } }

        func reset() { for channel in channels.withLock({ $0 }) { channel.resetConnection() } }
    }
}

extension Channel {
    fileprivate func resetConnection() {
        // No lingering: the kernel sends RST.
        guard let socket = self as? any SocketOptionProvider else { return self.close(promise: nil) }
        socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.close(promise: nil) }
    }
}

private final class PeerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private let seen: Peer.Seen
    private let onHead: (HTTPRequestHead) -> Peer.Reply?
    private let reply: (Peer.Call) -> Peer.Reply
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ seen: Peer.Seen, onHead: @escaping (HTTPRequestHead) -> Peer.Reply?, reply: @escaping (Peer.Call) -> Peer.Reply) {
        self.seen = seen
        self.onHead = onHead
        self.reply = reply
    }

    func channelActive(context: ChannelHandlerContext) { seen.connections.withLock { $0 += 1 } }

    func channelInactive(context: ChannelHandlerContext) { seen.connections.withLock { $0 -= 1 } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            (self.head, body) = (head, "")
            if let early = onHead(head) { answer(early, context) }
        case .body(let part): body += String(buffer: part)
        case .end:
            guard let head else { return }
            let call = Peer.Call(head: head, body: body)
            if !call.isCheck { seen.calls.withLock { $0.append(call) } }
            answer(reply(call), context)
        }
    }

    private func answer(_ reply: Peer.Reply, _ context: ChannelHandlerContext) {
        switch reply {
        case .bytes(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        case .last(let text):
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text))).whenComplete { _ in channel.close(promise: nil) }
        case .silence: break
        case .reset: context.channel.resetConnection()
        case .later(let future, let text):
            let context = NIOLoopBound(context, eventLoop: context.eventLoop)
            future.hop(to: context.value.eventLoop).whenSuccess {
                context.value.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
            }
        }
    }
}
