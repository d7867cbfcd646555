import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import PublishingAPI
import Testing

/// A request as a handler gets it.
func request(_ method: HTTPRequest.Method = .get, _ path: String = "/", _ headers: HTTPFields = [:], body: [UInt8] = []) -> Request {
    Request(
        head: HTTPRequest(method: method, scheme: "http", authority: "localhost", path: path, headerFields: headers),
        body: RequestBody(buffer: ByteBuffer(bytes: body)))
}

/// A POST with a JSON body.
func posting(_ json: String, to path: String = "/api/v1/auth/register", _ headers: HTTPFields = [:]) -> Request {
    var headers = headers
    if headers[.contentType] == nil { headers[.contentType] = "application/json" }
    return request(.post, path, headers, body: Array(json.utf8))
}

/// A context as the server makes it: nothing known yet.
func freshContext(_ logger: Logger = .silent) -> CallContext { CallContext(logger: logger, requestID: "", traceparent: "") }

/// A responder's answer, with its body read.
struct Answered {
    let status: Int
    let headers: HTTPFields
    let bytes: [UInt8]
    let json: JSONValue?

    init(_ response: Response) async throws {
        status = response.status.code
        headers = response.headers
        bytes = Array(try await response.body.collect(upTo: 1 << 24).readableBytesView)
        json = bytes.isEmpty ? nil : try JSONValue.parse(bytes)
    }

    var code: String? { json?["code"]?.text }
}

extension ServiceResponder {
    func answer(_ request: Request, context: CallContext = freshContext()) async throws -> Answered {
        try await Answered(try await respond(to: request, context: context))
    }
}

/// One route that does what the test says, for anyone.
func responder(
    _ endpoint: Endpoint = .listPosts, logger: Logger = .silent, mapping: @escaping ProblemMapping = { _ in nil }, _ handler: @escaping Routes.Handler
) -> ServiceResponder {
    var routes = Routes()
    routes.on(endpoint, handler)
    return routes.responder(for: endpoint.route.service, authentication: Authentication(verifier: nil), logger: logger, mapping: mapping)
}

/// The answer of a route that reads a body.
func reading(_ request: Request, _ read: @escaping @Sendable (JSONObject) throws -> Void) async throws -> Answered {
    try await responder(.register) { request, _ in
        try read(try await request.jsonBody())
        return Answer.noContent()
    }.answer(request)
}

/// The problem that some work ends in.
func problem(of work: () throws -> Void) -> Problem? {
    do {
        try work()
        return nil
    } catch {
        return error as? Problem
    }
}

extension Logger {
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}
