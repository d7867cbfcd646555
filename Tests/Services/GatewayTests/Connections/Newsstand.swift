import AccessTokens
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOEmbedded
import PublishingAPI
import Synchronization

@testable import Gateway

/// Requests to a ``Newsstand``.
enum Ask {
    static let list = "/api/v1/posts"
    static let post = "/api/v1/posts/01980000-0000-7000-8000-000000000001"
    static let slug = "/api/v1/posts/by-slug/title"
    static let closing = "Connection: close"

    /// The bytes of a request with those fields beside its host.
    static func get(_ path: String, _ fields: String..., method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: x\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    }
}

/// A query service of this process that can answer without a task: lists at once, a post when the test lets it. Posts by their slugs are answered in
/// a task only.
final class Newsstand: Sendable {
    private struct State {
        var isOpen: Bool
        var ways: [String] = []
        var headers: [HTTPFields] = []
        var held: [(call: DirectCall, reply: DirectReply)] = []
    }

    private let state: Mutex<State>
    private let answer: @Sendable (Request) throws -> ReadyAnswer

    /// - Parameters:
    ///   - isOpen: whether posts are answered soon, without being let.
    ///   - answer: the answer to a request, whichever way it comes; unless given, its path.
    init(isOpen: Bool = false, answer: (@Sendable (Request) throws -> ReadyAnswer)? = nil) {
        state = Mutex(State(isOpen: isOpen))
        self.answer = answer ?? { request in Newsstand.text(request.head.path ?? "") }
    }

    /// An answer with a text.
    static func text(_ text: String, _ headers: HTTPFields = [:]) -> ReadyAnswer { .bytes(ByteBuffer(string: body(text)), headers: headers) }

    /// The body of an answer with a text.
    static func body(_ text: String) -> String { #"{"data":"\#(text)"}"# }

    /// The way and the path of each request, in order: `direct /path` or `usual /path`.
    var ways: [String] { state.withLock { $0.ways } }

    /// The headers of each request, in order.
    var headers: [HTTPFields] { state.withLock { $0.headers } }

    /// How many calls wait for the test.
    var heldCount: Int { state.withLock { $0.held.count } }

    /// Answers the oldest calls that wait.
    func release(_ count: Int = 1) {
        let released = state.withLock { state in
            let released = Array(state.held.prefix(count))
            state.held.removeFirst(released.count)
            return released
        }
        for (call, reply) in released { give(call, reply) }
    }

    var responder: ServiceResponder {
        var routes = Routes()
        for endpoint in [Endpoint.listPosts, .post, .postBySlug] {
            routes.on(endpoint) { request, _ in
                self.note("usual", request)
                return try self.answer(request).response
            }
        }
        routes.onDirectly(.listPosts) { call, reply in
            self.note("direct", call.request)
            reply(Result { try self.answer(call.request) })
        }
        routes.onDirectly(.post) { call, reply in self.hold(call, reply) }
        return routes.responder(for: .queries, authentication: Authentication(verifier: nil), logger: .silent)
    }

    private func note(_ way: String, _ request: Request) {
        state.withLock { state in
            state.ways.append("\(way) \(request.head.path ?? "")")
            state.headers.append(request.headers)
        }
    }

    private func hold(_ call: DirectCall, _ reply: @escaping DirectReply) {
        note("direct", call.request)
        let isOpen = state.withLock { state in
            if !state.isOpen { state.held.append((call, reply)) }
            return state.isOpen
        }
        if isOpen { give(call, reply) }
    }

    private func give(_ call: DirectCall, _ reply: @escaping DirectReply) {
        let answer = answer
        call.loop.execute { reply(Result { try answer(call.request) }) }
    }
}

extension Newsstand {
    /// A gateway before it.
    func gateway(_ settings: GatewaySettings, verifier: TokenVerifier? = nil, limits: RateLimits = RateLimits(.off)) -> APIGateway {
        APIGateway(
            auth: Spy("auth"), commands: Spy("commands"), queries: responder, relay: Spy("relay"),
            readiness: Readiness(checks: [], logger: .silent), verifier: verifier, settings: settings, limits: limits, logger: .silent)
    }

    /// Runs a gateway before it on a port of its own. No call is late unless the test says so.
    func serve(
        _ change: (inout GatewaySettings) -> Void = { _ in }, verifier: TokenVerifier? = nil, limits: RateLimits = RateLimits(.off),
        _ body: @Sendable (Int, APIGateway) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        var settings = GatewaySettings(deadline: .seconds(3600))
        settings.connections = .patient
        settings.shedding.interval = .seconds(3600)
        change(&settings)
        settings.onListening = { port.yield($0) }
        let gateway = gateway(settings, verifier: verifier, limits: limits)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await gateway.run() }
            for await port in ports {
                try await body(port, gateway)
                break
            }
            group.cancelAll()
        }
    }
}

/// A connection to a gateway before a ``Newsstand``, on a loop that the test moves.
struct StandConnection {
    let channel = EmbeddedChannel()

    init(_ stand: Newsstand) throws {
        let connections = HTTP1Connections(limits: .patient, direct: stand.gateway(GatewaySettings(deadline: .seconds(3600)))) { _, _, _ in }
        _ = connections.setup(channel: channel, logger: .silent)
        channel.pipeline.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80), promise: nil)
        channel.read()
    }

    func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    func received() throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    func close() { _ = try? channel.finish(acceptAlreadyClosed: true) }
}
