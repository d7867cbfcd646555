import AccessTokens
import EventSourcing
import FoundationEssentials
import Gateway
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import PublishingAPI
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A request through the gateway` {
    private static let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func `keeps its ids, and the service sees the same`() async throws {
        let queries = Spy("queries") { _, context in Answer.data { $0.string(context.requestID + " " + context.traceparent) } }
        let answer = try await SpiedGateway(queries: queries).answer(.get, "/api/v1/posts", [.requestID: "call-1", .traceparent: Self.traceparent])
        #expect(answer.headers[.requestID] == "call-1" && answer.headers[.traceparent] == Self.traceparent)
        #expect(answer.data == "call-1 " + Self.traceparent)
    }

    @Test func `gets ids when it has none, failures included`() async throws {
        for path in ["/api/v1/posts", "/nothing"] {
            let answer = try await SpiedGateway().answer(.get, path)
            #expect(UUID(lowercase: answer.headers[.requestID] ?? "") != nil)
            #expect(RequestIdentity.isTraceparent(answer.headers[.traceparent] ?? ""))
        }
    }

    @Test func `loses every header that only services may say`() async throws {
        let gateway = SpiedGateway()
        let user = try #require(HTTPField.Name("x-annals-USER"))
        _ = try await gateway.answer(
            .get, "/api/v1/posts", [.serviceToken: "forged", user: "admin", .authorization: "Bearer x", .ifNoneMatch: "\"1\""])
        let seen = try #require(gateway.queries.requests.first)
        #expect(seen[.serviceToken] == nil && seen[user] == nil)
        #expect(seen[.authorization] == "Bearer x" && seen[.ifNoneMatch] == "\"1\"")
    }

    @Test func `is checked by the service, whatever the gateway's context says`() async throws {
        var routes = Routes()
        routes.on(.currentUser) { _, _ in Answer.noContent() }
        let responder = routes.responder(for: .queries, authentication: Authentication(verifier: nil), logger: .silent)
        var context = CallContext(logger: .silent)
        context.caller = .user(SignedInUser(id: .v7(), role: .admin))
        let queries = Spy("queries") { request, context in try await responder.send(request, context: context) }
        let answer = try await SpiedGateway(queries: queries).answer(.get, "/api/v1/users/me", context: context)
        #expect(answer.status == 401 && answer.headers[.wwwAuthenticate] == "Bearer")
    }

    @Test func `keeps the body and the answer's own headers`() async throws {
        let commands = Spy("commands") { request, _ in
            let body = try await request.jsonBody()
            return Answer.data(.created, headers: [.eTag: "\"1\"", .position: "7", .location: "/api/v1/posts/x"]) { $0.value(.object(body)) }
        }
        let answer = try await SpiedGateway(commands: commands).answer(
            .post, "/api/v1/posts", [.contentType: "application/json"], body: #"{"title":"x"}"#)
        #expect(answer.status == 201 && answer.headers[.position] == "7" && answer.headers[.eTag] == "\"1\"")
        #expect(answer.json?["data"] == .object(["title": .string("x")]))
    }

    @Test func `that announces too large a body is 413 and goes no further`() async throws {
        let gateway = SpiedGateway(settings: GatewaySettings(maximumBodyBytes: 100))
        #expect(try await gateway.answer(.post, "/api/v1/posts", [.contentLength: "101"]).code == "PAYLOAD_TOO_LARGE")
        #expect(try await gateway.answer(.post, "/api/v1/posts", [.contentLength: "x"]).code == "MALFORMED_REQUEST")
        #expect(gateway.forwarded == 0)
        #expect(try await gateway.answer(.post, "/api/v1/posts", [.contentLength: "100"]).status == 200)
    }

    @Test func `is 500 without a word when a service fails in an unknown way`() async throws {
        struct Secret: Error {}
        let answer = try await SpiedGateway(queries: Spy("queries") { _, _ in throw Secret() }).answer(.get, "/api/v1/posts")
        #expect(answer.code == "INTERNAL_ERROR" && answer.json?["instance"]?.text == "/api/v1/posts")
    }

    @Test func `is 503 when the service says so`() async throws {
        let answer = try await SpiedGateway(queries: Spy("queries") { _, _ in throw Problem.unavailable(retryAfter: 4) }).answer(
            .get, "/api/v1/posts")
        #expect(answer.code == "UNAVAILABLE" && answer.headers[.retryAfter] == "4")
    }

    @Test func `is 504 once its deadline has passed, and its work is cancelled`() async throws {
        let (ended, end) = AsyncStream<Bool>.makeStream()
        let queries = Spy("queries") { _, _ in
            await Cancellation.wait()
            end.yield(Task.isCancelled)
            end.finish()
            return Answer.noContent()
        }
        let answer = try await SpiedGateway(queries: queries, settings: GatewaySettings(deadline: .seconds(3))).answer(.get, "/api/v1/posts")
        #expect(answer.status == 504 && answer.code == "TIMEOUT")
        #expect(await ended.first { _ in true } == true)
    }

    @Test func `is not touched by the deadline of another`() async throws {
        let commands = Spy("commands") { _, _ in
            await Cancellation.wait()
            return Answer.noContent()
        }
        let gateway = SpiedGateway(commands: commands, settings: GatewaySettings(deadline: .seconds(3)))
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<5 { group.addTask { try await gateway.answer(.post, "/api/v1/posts").status } }
            for _ in 0..<5 { group.addTask { try await gateway.answer(.get, "/api/v1/posts").status } }
            let statuses = try await group.reduce(into: []) { $0.append($1) }
            #expect(statuses.sorted() == [200, 200, 200, 200, 200, 504, 504, 504, 504, 504])
        }
    }

    @Test func `without an announced length is 413 past the limit, and goes no further`() async throws {
        let commands = Spy("commands") { request, _ in
            let body = try await request.jsonBody()
            return Answer.data(.created) { $0.integer(Int64(body.list.count)) }
        }
        let gateway = SpiedGateway(commands: commands, settings: GatewaySettings(maximumBodyBytes: 100))
        let headers: HTTPFields = [.contentType: "application/json", .transferEncoding: "chunked"]
        let large = #"{"a":"\#(String(repeating: "x", count: 93))"}"#
        #expect(try await gateway.answer(.post, "/api/v1/posts", headers, body: large).code == "PAYLOAD_TOO_LARGE")
        #expect(gateway.forwarded == 0)
        #expect(try await gateway.answer(.post, "/api/v1/posts", headers, body: String(large.dropFirst())).code == "MALFORMED_REQUEST")
        #expect(try await gateway.answer(.post, "/api/v1/posts", headers, body: #"{"a":1}"#).status == 201)
    }

    @Test func `that fails leaves neither its path nor what a database says of a row in the log`() async throws {
        struct Refusal: Error, CustomStringConvertible, CustomDebugStringConvertible {
            var description: String { "refused 23505" }
            var debugDescription: String { "Key (email)=(ann@example.org) already exists." }
        }
        let log = SpokenLog()
        let gateway = SpiedGateway(queries: Spy("queries") { _, _ in throw Refusal() }, logger: log.logger)
        let call = "0198a3c4-0000-7000-8000-00000000c0de"
        for id in [call, "call-of-ann"] {
            #expect(try await gateway.answer(.get, "/api/v1/posts/by-slug/ann-example-is-ill?x=ann", [.requestID: id]).status == 500)
        }
        #expect(log.text.contains(call) && log.text.contains("/api/v1/posts/by-slug/{slug}") && log.text.contains("23505"))
        #expect(!log.text.contains("ann"))
    }
}

/// Something that never happens.
enum Cancellation {
    /// Returns when the task is cancelled, and not before.
    static func wait() async {
        let (stream, end) = AsyncStream<Never>.makeStream()
        for await _ in stream {}
        end.finish()
    }
}
