package import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on loopback that keeps the bodies that it gets, as a collector of traces does.
package final class Collector: Sendable {
    package struct Answer: Sendable {
        package var status = HTTPResponseStatus.ok
        package var headers: HTTPHeaders = [:]
        package var body: [UInt8] = []

        package init(_ status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:], body: [UInt8] = []) {
            self.status = status
            self.headers = headers
            self.body = body
        }
    }

    package struct Call: Sendable {
        package let head: HTTPRequestHead
        package let body: [UInt8]
    }

    private let channel: any Channel
    private let kept: Kept

    /// The URL of its root, without a slash at the end.
    package var url: String { "http://127.0.0.1:\(channel.localAddress?.port ?? 0)" }
    /// The requests that it got so far.
    package var calls: [Call] { kept.calls.withLock { $0 } }

    fileprivate final class Kept: Sendable { let calls = Mutex<[Call]>([]) }

    private init(_ channel: any Channel, _ kept: Kept) {
        self.channel = channel
        self.kept = kept
    }

    /// Runs one for `body`.
    /// - Parameter answer: what it answers to its first call, its second, …
    package static func run<Value>(
        answer: @escaping @Sendable (_ number: Int) -> Answer = { _ in Answer() }, _ body: (Collector) async throws -> Value
    ) async throws -> Value {
        let kept = Kept()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(CollectorHandler(kept, answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let result: Result<Value, any Error>
        do { result = .success(try await body(Collector(channel, kept))) } catch { result = .failure(error) }
        try await channel.close()
        return try result.get()
    }
}

private final class CollectorHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let kept: Collector.Kept
    private let answer: (Int) -> Collector.Answer
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(_ kept: Collector.Kept, _ answer: @escaping (Int) -> Collector.Answer) {
        self.kept = kept
        self.answer = answer
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, [])
        case .body(let part): body += part.readableBytesView
        case .end:
            guard let head else { return }
            let number = kept.calls.withLock { calls in
                calls.append(.init(head: head, body: body))
                return calls.count
            }
            let answer = answer(number)
            var headers = answer.headers
            headers.replaceOrAdd(name: "content-length", value: "\(answer.body.count)")
            context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
