import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A receiver of webhooks on loopback, which answers as a test wants.
final class Receiver: Sendable {
    struct Call: Sendable {
        let headers: HTTPHeaders
        let body: String

        var id: String { headers.first(name: "webhook-id") ?? "" }
        var signatures: [String] { headers.first(name: "webhook-signature")?.split(separator: " ").map(String.init) ?? [] }
    }

    struct Answer: Sendable {
        var status = 204
        var headers: [(String, String)] = []
    }

    fileprivate final class Seen: Sendable {
        let calls = Mutex<[Call]>([])
        let answer = Mutex<@Sendable (Call) -> Answer>({ _ in Answer() })
    }

    private let channel: any Channel
    private let seen: Seen

    private init(_ channel: any Channel, _ seen: Seen) {
        self.channel = channel
        self.seen = seen
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    /// The requests that it got, in order.
    var calls: [Call] { seen.calls.withLock { $0 } }

    /// From now on it answers like this.
    func answer(_ answer: @escaping @Sendable (Call) -> Answer) { seen.answer.withLock { $0 = answer } }

    static func with(_ body: (Receiver) async throws -> Void) async throws {
        let seen = Seen()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ReceiverHandler(seen))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(Receiver(channel, seen))
            try await channel.close()
        } catch {
            try await channel.close()
            throw error
        }
    }
}

private final class ReceiverHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let seen: Receiver.Seen
    private var head: HTTPRequestHead?
    private var body = ""

    init(_ seen: Receiver.Seen) { self.seen = seen }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, "")
        case .body(let part): body += String(buffer: part)
        case .end:
            let call = Receiver.Call(headers: head?.headers ?? [:], body: body)
            seen.calls.withLock { $0.append(call) }
            let answer = seen.answer.withLock { $0 }(call)
            var headers = HTTPHeaders(answer.headers)
            headers.add(name: "content-length", value: "0")
            let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
