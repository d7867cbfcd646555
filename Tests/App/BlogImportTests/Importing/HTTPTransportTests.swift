import AsyncHTTPClient
import EventSourcing
import FoundationEssentials
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import BlogImport

/// Answers every request with what it was sent, as a problem.
private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private var lines: [String] = []

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            lines = ["\(head.method.rawValue) \(head.uri)"]
            for name in ["Authorization", "Idempotency-Key", "Wait-For-Position", "Content-Type", "DNT", "If-Match", "Import-Origin"] {
                if let value = head.headers.first(name: name) { lines.append("\(name): \(value)") }
            }
        case .body(let buffer): lines.append(String(buffer: buffer))
        case .end:
            let body = JSONValue.object(["detail": .string(lines.joined(separator: "\n"))]).encoded
            let headers: HTTPHeaders = ["Position": "42", "Retry-After": "3", "Idempotency-Replayed": "true", "Content-Length": "\(body.count)"]
            context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .conflict, headers: headers))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A request over HTTP` {
    @Test func `carries its token and fields, and its answer comes back whole`() async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(EchoHandler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let hash = { (letter: Character) in String(repeating: letter, count: 22) }
        let origin = ImportOrigin(id: .v7(), collection: hash("a"), source: hash("b"), author: hash("c"), digest: hash("d"))
        let port = try #require(server.localAddress?.port)
        let answer = try await HTTPClient.withHTTPClient { client in
            let request = APIRequest(
                .post, "/api/v1/posts", as: .operatorAdmin, body: ["slug": .string("a")], idempotencyKey: "k", waitingFor: 9, ifVersion: 3,
                from: origin)
            return try await client.sendingAPIRequests(to: "http://127.0.0.1:\(port)/")(request, "secret")
        }
        try await server.close()
        #expect(answer.status == 409)
        #expect(answer.position == 42)
        #expect(answer.retryAfter == .seconds(3))
        #expect(answer.isReplay)
        let echo =
            "POST /api/v1/posts\nAuthorization: Bearer secret\nIdempotency-Key: k\nWait-For-Position: 9\nContent-Type: application/json\nDNT: 1\nIf-Match: \"3\"\nImport-Origin: \(origin)\n{\"slug\":\"a\"}"
        #expect(answer.body?["detail"]?.text == echo)
    }
}
