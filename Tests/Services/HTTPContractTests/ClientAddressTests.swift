import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The client's address in a service of another process` {
    private let identities = ServiceIdentities.generate()

    /// The address that a route sees of a call that came from 10.0.0.1 with these headers.
    private func address(_ headers: HTTPFields) async throws -> String? {
        var routes = Routes()
        routes.on(.listPosts) { _, context in Answer.data { $0.string("\(context.clientAddress ?? "none") \(context.caller)") } }
        let service = routes.responder(
            for: .queries, authentication: Authentication(verifier: nil, services: identities.keys), logger: .silent)
        var context = CallContext(logger: .silent)
        context.clientAddress = "10.0.0.1"
        return try await Answered(service.respond(to: request(.get, Endpoint.listPosts.path(), headers), context: context)).json?["data"]?.text
    }

    @Test func `is what the gateway says beside its token, again and again`() async throws {
        let token = try identities[.gateway].token(to: .queries)
        for client in ["203.0.113.9", "2001:db8::1", "203.0.113.9"] {
            #expect(try await address([.client: client, .gatewayToken: token]) == "\(client) anonymous")
        }
    }

    @Test func `is the peer's for anybody else who names one`() async throws {
        let (own, other) = (try identities[.gateway].token(to: .queries), try identities[.gateway].token(to: .commands))
        let forged = try ServiceIdentity.generate(.gateway).token(to: .queries)
        for headers: HTTPFields in [
            [.client: "203.0.113.9"], [.client: "203.0.113.9", .gatewayToken: "x"], [.client: "203.0.113.9", .gatewayToken: other],
            [.client: "203.0.113.9", .gatewayToken: forged], [.client: "203.0.113.9", .gatewayToken: try identities[.auth].token(to: .queries)],
            [.client: "nobody", .gatewayToken: own], [.gatewayToken: own],
        ] {
            #expect(try await address(headers) == "10.0.0.1 anonymous", "\(headers)")
        }
    }
}
