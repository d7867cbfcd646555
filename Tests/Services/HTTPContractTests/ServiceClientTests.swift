import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A service that calls another` {
    private let identities = ServiceIdentities.generate()

    private func client(_ name: ServiceName = .queries, _ others: ServiceIdentities? = nil) -> ServiceClient {
        var routes = Routes()
        routes.on(.recordViews) { request, context in
            let body = try await request.jsonBody()
            return Answer.data(.accepted, headers: [.position: "9"]) {
                $0.object {
                    $0.name("caller")
                    $0.string("\(context.caller)")
                    $0.name("requestId")
                    $0.string(context.requestID)
                    $0.name("owner")
                    $0.string(context.keyOwner(of: request))
                    $0.name("body")
                    $0.value(.object(body))
                }
            }
        }
        routes.on(.registeredUser) { _, _ in Answer.noContent() }
        let responder = routes.responder(for: .commands, authentication: Authentication(verifier: nil, services: identities.keys), logger: .silent)
        return ServiceClient((others ?? identities)[name], audience: .commands, upstream: responder)
    }

    @Test func `is known by name, under the ids of the call that led to it`() async throws {
        var context = freshContext()
        context.identify(by: request(.get, "/", [.requestID: "call-9"]))
        let answer = try await client().post(.recordViews, json: ["count": .integer(3)], context: context)
        #expect(answer.status == .accepted && answer.headers[.position] == "9" && answer.headers[.requestID] == "call-9")
        #expect(answer.data?["caller"]?.text == "service(PublishingAPI.ServiceName.queries)" && answer.data?["requestId"]?.text == "call-9")
        #expect(answer.data?["body"] == .object(["count": .integer(3)]))
    }

    @Test func `says whose idempotency keys it brings`() async throws {
        var context = freshContext()
        context.clientAddress = "192.0.2.1"
        #expect(try await client().post(.recordViews, json: [:], context: context).data?["owner"]?.text == "anonymous")
        let user = SignedInUser(id: .v7(), role: .user)
        context.caller = .user(user)
        #expect(try await client().post(.recordViews, json: [:], context: context).data?["owner"]?.text == user.id.lowercased)
        #expect(try await client().post(.recordViews, json: [:]).data?["owner"]?.text == "service queries")
        // Only services are believed.
        #expect(context.keyOwner(of: request(.post, "/", [.caller: "somebody else"])) == user.id.lowercased)
    }

    @Test func `needs no request around it`() async throws {
        #expect(try await client().post(.recordViews, json: [:]).data?["requestId"]?.text?.isEmpty == false)
        let answer = try await client(.auth).get(.registeredUser, "17")
        #expect(answer.isSuccess && answer.body == nil)
    }

    @Test func `gets problems as answers`() async throws {
        let answer = try await client(.auth).get(.erasures)
        #expect(!answer.isSuccess && answer.problemCode == .notFound && answer.data == nil)
        #expect(try await client(.auth, .generate()).get(.registeredUser, "17").problemCode == .unauthenticated)
    }

    @Test func `reads streamed bodies up to a limit`() async throws {
        let body = ResponseBody(contentsOf: [ByteBuffer(string: "[1,"), ByteBuffer(string: "2]")])
        #expect(String(buffer: try await body.collect(upTo: 6)) == "[1,2]")
        await #expect(throws: NIOTooManyBytesError.self) { try await body.collect(upTo: 4) }
    }
}
