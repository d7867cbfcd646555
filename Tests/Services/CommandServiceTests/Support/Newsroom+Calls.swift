import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import PublishingAPI
import TestSupport

/// An answer, read, and the events that the log took meanwhile.
struct Reply: Sendable {
    let status: Int
    let headers: HTTPFields
    /// As it was sent.
    let text: String
    let body: JSONValue
    var events: [RecordedEvent] = []

    var data: JSONValue? { body["data"] }
    var code: String? { body["code"]?.text }
    var position: Int64? { headers[.position].flatMap { Int64($0) } }
    var isReplay: Bool { headers[.idempotencyReplayed] == "true" }

    /// The types of the new events.
    var happened: [String] { events.map(\.type) }

    /// The fields that a problem names.
    var fields: [String] {
        guard case .array(let details)? = body["details"] else { return [] }
        return details.compactMap { $0["field"]?.text }
    }

    /// The parts that a repeat must have in common with the first answer.
    var repeatable: [String?] { ["\(status)", text, headers[.position], headers[.eTag], headers[.location]] }
}

extension Newsroom {
    /// Given the events so far, when a request comes: the answer, and the new events.
    func call(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, by person: Person? = nil, headers: HTTPFields = [:]
    ) async throws -> Reply {
        let head = try await log.store.head()
        var reply = try await send(method, path, body, by: person, headers: headers)
        reply.events = try await log.store.read(after: head, limit: 1000)
        return reply
    }

    /// Only the answer: for requests that come side by side.
    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, by person: Person? = nil, headers: HTTPFields = [:]
    ) async throws -> Reply {
        var headers = headers
        if let person { headers[.authorization] = "Bearer \(person.token)" }
        if body != nil { headers[.contentType] = "application/json" }
        let head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body ?? "")))
        let response = try await service.respond(to: request, context: CallContext(logger: TestCluster.logger, requestID: "", traceparent: ""))
        let bytes = try await response.body.collect(upTo: 1 << 24)
        return Reply(
            status: response.status.code, headers: response.headers, text: String(buffer: bytes),
            body: bytes.readableBytes == 0 ? .null : try JSONValue.parse(bytes.readableBytesView))
    }

    /// As many equal requests at once.
    func send(
        _ count: Int, _ method: HTTPRequest.Method, _ path: String, _ body: @escaping @Sendable (Int) -> String?, by person: Person? = nil,
        headers: HTTPFields = [:]
    ) async throws -> [Reply] {
        try await withThrowingTaskGroup(of: Reply.self) { group in
            for number in 0..<count { group.addTask { try await send(method, path, body(number), by: person, headers: headers) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// The headers of a call by another service.
    static func asService(_ name: ServiceName = .auth, key: String? = nil) -> HTTPFields {
        var headers = HTTPFields()
        headers[.serviceToken] = try? identities[name].token(to: .commands)
        headers[.idempotencyKey] = key
        return headers
    }
}

extension HTTPFields {
    static func ifMatch(_ tag: String) -> HTTPFields { [.ifMatch: tag] }

    static func idempotencyKey(_ key: String) -> HTTPFields { [.idempotencyKey: key] }
}
