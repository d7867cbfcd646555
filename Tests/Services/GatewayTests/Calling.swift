import AccessTokens
import EventSourcing
import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Synchronization

/// A service that answers everything with its own name, and remembers what it was asked.
final class Spy: Upstream {
    let name: String
    private let seen = Mutex<[HTTPFields]>([])
    private let answer: @Sendable (Request, CallContext) async throws -> Response

    /// The headers of each request, in order.
    var requests: [HTTPFields] { seen.withLock { $0 } }

    init(_ name: String, answer: (@Sendable (Request, CallContext) async throws -> Response)? = nil) {
        self.name = name
        self.answer = answer ?? { _, _ in Answer.data { $0.string(name) } }
    }

    func send(_ request: Request, context: CallContext) async throws -> Response {
        seen.withLock { $0.append(request.headers) }
        return try await answer(request, context)
    }
}

/// A gateway before three spies.
struct SpiedGateway {
    let auth: Spy
    let commands: Spy
    let queries: Spy
    private let gateway: APIGateway

    init(
        auth: Spy = Spy("auth"), commands: Spy = Spy("commands"), queries: Spy = Spy("queries"), relay: Spy = Spy("relay"),
        readiness: Readiness = Readiness(checks: [], logger: .silent), pages: Pages = .none, verifier: TokenVerifier? = nil,
        settings: GatewaySettings = GatewaySettings(), limits: RateLimits = RateLimits(.off), logger: Logger = .silent
    ) {
        (self.auth, self.commands, self.queries) = (auth, commands, queries)
        gateway = APIGateway(
            auth: auth, commands: commands, queries: queries, relay: relay, readiness: readiness, pages: pages, verifier: verifier,
            settings: settings, limits: limits, logger: logger)
    }

    func answer(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], body: String = "", context: CallContext? = nil
    ) async throws -> Answered {
        let head = HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body)))
        let context = context ?? CallContext(logger: .silent, requestID: "", traceparent: "")
        return try await Answered(try await gateway.respond(to: request, context: context))
    }

    /// How often any service was asked.
    var forwarded: Int { auth.requests.count + commands.requests.count + queries.requests.count }
}

/// The gateway's answer, with its body read.
struct Answered {
    let status: Int
    let headers: HTTPFields
    let text: String
    let json: JSONValue?

    init(_ response: Response) async throws {
        status = response.status.code
        headers = response.headers
        let body = try await response.body.collect(upTo: 1 << 20)
        text = String(buffer: body)
        let isJSON = headers[.contentType]?.hasSuffix("json") == true
        json = isJSON && body.readableBytes > 0 ? try JSONValue.parse(body.readableBytesView) : nil
    }

    var code: String? { json?["code"]?.text }
    var data: String? { json?["data"]?.text }
}

extension Logger {
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
