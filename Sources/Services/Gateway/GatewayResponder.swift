import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1

/// One request through the door, in order: named, measured, admitted, forwarded under a deadline, marked.
struct GatewayResponder: HTTPResponder {
    typealias Context = CallContext

    static let healthPath = "/health"
    static let readinessPath = "/ready"

    let tree: RouteTree<GatewayEndpoint>
    let services: Services
    let settings: GatewaySettings
    let addresses: ForwardedAddresses
    let admission: Admission?
    let deadline: Deadline
    let failures: FailureAnswers

    func respond(to request: Request, context: CallContext) async throws -> Response {
        var context = context
        context.identify(by: request)
        if let client = addresses.client(of: request, from: context.clientAddress) { context.clientAddress = "\(client)" }
        let match = tree.match(request.uri.path)
        var limits: HTTPFields = [:]
        var response: Response
        do {
            limits = try await admit(request, as: match.found?.kind(of: request.method) ?? .other, context: context)
            response = try await answer(request, match, context: context)
        } catch let error as HTTPParserError {
            // Not HTTP any more: the server below answers 400 and closes the connection.
            throw error
        } catch {
            response = failures.answer(error, to: request, route: match.found?.path, context: context)
        }
        response.headers[.requestID] = context.requestID
        response.headers[.traceparent] = context.traceparent
        for field in limits where !response.headers.contains(field.name) { response.headers[field.name] = field.value }
        if !CrossOrigin.isPreflight(request.head) { settings.crossOrigin.mark(&response.headers, origin: request.headers[.origin]) }
        SecurityHeaders.mark(&response.headers, of: request, strictTransportSecurity: settings.strictTransportSecurity)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ match: RouteTree<GatewayEndpoint>.Match, context: CallContext) async throws -> Response {
        switch match {
        case .malformed: throw Problem.malformed("The path has a broken percent-encoding.")
        case .unknown: throw Problem.notFound()
        case .found(let endpoint, _):
            guard let destination = endpoint.destination(of: request.method) else { return try answerWithout(endpoint, request) }
            try request.checkAnnouncedLength(limit: settings.maximumBodyBytes)
            return try await forward(request, to: destination, context: context)
        }
    }

    /// The path is known, the method is not one of its.
    private func answerWithout(_ endpoint: GatewayEndpoint, _ request: Request) throws(Problem) -> Response {
        guard request.method == .options else { throw .methodNotAllowed(allow: endpoint.allow) }
        var headers: HTTPFields = [.allow: endpoint.allow]
        if CrossOrigin.isPreflight(request.head) {
            settings.crossOrigin.markPreflight(&headers, origin: request.headers[.origin], methods: endpoint.allow)
        }
        return Answer.noContent(headers: headers)
    }

    private func admit(_ request: Request, as kind: CallKind, context: CallContext) async throws(Problem) -> HTTPFields {
        guard let admission, request.uri.path != Self.healthPath, request.uri.path != Self.readinessPath else { return [:] }
        return try await admission(request, context, kind)
    }

    private func forward(_ request: Request, to destination: Destination, context: CallContext) async throws -> Response {
        let request = request.withoutInternalHeaders
        let services = services
        let limit = settings.maximumBodyBytes
        return try await deadline.apply {
            let request = try await request.withUnannouncedBodyCollected(limit: limit)
            return switch destination {
            case .auth: try await services.auth.send(request, context: context)
            case .commands: try await services.commands.send(request, context: context)
            case .queries: try await services.queries.send(request, context: context)
            case .post: try await (request.asksForPastState ? services.commands : services.queries).send(request, context: context)
            case .own(let handler): try await handler(request, context)
            }
        }
    }
}

extension Request {
    /// Whether `?version` or `?asOf` asks for a post as it once stood.
    fileprivate var asksForPastState: Bool {
        guard uri.query != nil else { return false }
        let query = QueryParameters(self)
        return query.has("version") || query.has("asOf")
    }

    /// The same, its body read when no length was announced for it: nothing else would hold it to the limit.
    fileprivate func withUnannouncedBodyCollected(limit: Int) async throws -> Request {
        guard headers[.transferEncoding] != nil else { return self }
        do {
            return Request(head: head, body: RequestBody(buffer: try await body.collect(upTo: limit)))
        } catch is NIOTooManyBytesError {
            throw Problem.payloadTooLarge(limit: limit)
        }
    }

    /// The same without any `X-Annals-…` header: those are said between services only, and no client may say them.
    fileprivate var withoutInternalHeaders: Request {
        func isInternal(_ field: HTTPField) -> Bool { field.name.canonicalName.hasPrefix("x-annals-") }
        guard headers.contains(where: isInternal) else { return self }
        var head = head
        head.headerFields = HTTPFields(headers.filter { !isInternal($0) })
        return Request(head: head, body: body)
    }
}
