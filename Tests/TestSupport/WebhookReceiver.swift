import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// A receiver of webhooks on loopback, which answers as a test wants.
package final class Receiver: Sendable {
    package struct Call: Sendable {
        package let headers: HTTPHeaders
        package let body: String

        package init(headers: HTTPHeaders, body: String) {
            self.headers = headers
            self.body = body
        }

        package var id: String { headers.first(name: "webhook-id") ?? "" }
        package var signatures: [String] { headers.first(name: "webhook-signature")?.split(separator: " ").map(String.init) ?? [] }
    }

    package struct Answer: Sendable {
        /// Nil for an answer that never comes.
        let status: Int?
        let headers: [(String, String)]

        package init(status: Int? = 204, headers: [(String, String)] = []) {
            self.status = status
            self.headers = headers
        }
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

    package var port: Int { channel.localAddress?.port ?? 0 }
    /// The requests that it got, in order.
    package var calls: [Call] { seen.calls.withLock { $0 } }

    /// From now on it answers like this.
    package func answer(_ answer: @escaping @Sendable (Call) -> Answer) { seen.answer.withLock { $0 = answer } }

    package static func with(_ body: (Receiver) async throws -> Void) async throws {
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
            guard let status = answer.status else { return }
            var headers = HTTPHeaders(answer.headers)
            headers.add(name: "content-length", value: "0")
            let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
