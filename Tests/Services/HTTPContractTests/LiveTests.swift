import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSON
import NIOCore
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A service on a socket` {
    private func withClient(_ test: @escaping @Sendable (any TestClientProtocol) async throws -> Void) async throws {
        var routes = Routes()
        routes.on(.listPosts) { _, context in
            Answer.data { $0.string(context.clientAddress ?? "none") }
        }
        routes.on(.auditCheckpoint) { _, _ in Answer.noContent() }
        routes.on(.signingKeys) { _, _ in Answer.notModified(headers: [.eTag: "\"1\""]) }
        routes.on(.register) { request, _ in
            let count = try await request.jsonBody(limit: 1000).list.count
            return Answer.data { $0.integer(count) }
        }
        let responder = routes.responder(for: .queries, authentication: Authentication(verifier: nil), logger: .silent)
        try await Application(responder: responder, logger: .silent).test(.live, test)
    }

    @Test func `knows its client's address`() async throws {
        try await withClient { client in
            let response = try await client.execute(uri: "/api/v1/posts", method: .get)
            #expect(["127.0.0.1", "::1"].contains(try JSONValue.parse(response.body.readableBytesView)["data"]?.text))
        }
    }

    @Test func `goes on on the same connection after HEAD, 204 and 304`() async throws {
        try await withClient { client in
            let get = try await client.execute(uri: "/api/v1/posts", method: .get)
            let head = try await client.execute(uri: "/api/v1/posts", method: .head)
            #expect(head.status == .ok && head.body.readableBytes == 0 && head.headers[.contentLength] == String(get.body.readableBytes))
            #expect(try await client.execute(uri: "/api/v1/audit/checkpoint", method: .get).status == .noContent)
            let unchanged = try await client.execute(uri: "/.well-known/jwks.json", method: .get)
            #expect(unchanged.status == .notModified && unchanged.headers[.eTag] == "\"1\"")
            #expect(try await client.execute(uri: "/api/v1/posts", method: .get).status == .ok)
        }
    }

    @Test func `refuses bodies over the limit, whether their length is announced or they come in chunks`() async throws {
        try await withClient { client in
            let large = ByteBuffer(string: "{\"a\":\"\(String(repeating: "x", count: 2000))\"}")
            let announced = try await client.execute(
                uri: "/api/v1/auth/register", method: .post, headers: [.contentType: "application/json"], body: large)
            #expect(announced.status == .contentTooLarge)
            let chunked = try await client.execute(
                uri: "/api/v1/auth/register", method: .post, headers: [.contentType: "application/json", .transferEncoding: "chunked"], body: large)
            #expect(chunked.status == .contentTooLarge)
            let small = try await client.execute(
                uri: "/api/v1/auth/register", method: .post, headers: [.contentType: "application/json"], body: ByteBuffer(string: "{\"a\":1}"))
            #expect(small.status == .ok)
        }
    }
}
