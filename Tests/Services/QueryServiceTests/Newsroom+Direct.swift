import AccessTokens
import Deadlines
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import PublishingAPI
import TestSupport
import Testing

@testable import QueryService

/// The two answers to one request of a gateway of the same process.
struct BothAnswers {
    /// In a task.
    let usual: Reply
    /// On an event loop.
    let direct: Reply

    /// Whether nobody could tell them apart.
    var areAlike: Bool { usual.status == direct.status && usual.headers == direct.headers && usual.text == direct.text }
}

extension Newsroom {
    /// How a request is answered: in a task, or on an event loop.
    enum Way { case usual, direct }

    /// Sends a request as a gateway of the same process does, which has matched it and verified its token.
    func pass(
        _ way: Way, _ path: String, as token: AccessToken? = nil, from address: String? = nil, _ headers: HTTPFields = [:],
        method: HTTPRequest.Method = .get
    ) async throws -> Reply {
        let head = HTTPRequest(method: method, scheme: "http", authority: "annals", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        guard case .endpoint(let match) = try EndpointRouter(Endpoint.allCases.filter(\.route.isPublic)).match(request) else {
            throw Problem.notFound()
        }
        var verified: VerifiedToken?
        if let token { verified = try await TokenVerifier { [signingKey.publicKey] }.verify(signingKey.sign(token)) }
        let call = VerifiedCall(match: match, token: verified)
        var context = CallContext(logger: TestCluster.logger, requestID: "call", traceparent: "")
        context.clientAddress = address
        switch way {
        case .usual: return try await Reply(queries.responder.respond(to: request, as: call, context: context))
        case .direct:
            #expect(queries.responder.answersDirectly(match.endpoint), "\(path)")
            let loop = EventLoopGroupProvider.singleton.eventLoopGroup.any()
            let directCall = DirectCall(request, context, on: loop, until: Deadline(.now + .seconds(600)))
            let responder = queries.responder
            let answer = await withCheckedContinuation { (continuation: CheckedContinuation<ReadyAnswer, Never>) in
                loop.execute {
                    responder.answer(directCall, as: call) { answer in
                        #expect(loop.inEventLoop)
                        continuation.resume(returning: answer)
                    }
                }
            }
            return try await Reply(answer.response)
        }
    }

    /// Sends a request both ways, the usual one first.
    func both(
        _ path: String, as user: Reader? = nil, _ headers: HTTPFields = [:], method: HTTPRequest.Method = .get
    ) async throws -> BothAnswers {
        let token = user?.token
        return BothAnswers(
            usual: try await pass(.usual, path, as: token, headers, method: method),
            direct: try await pass(.direct, path, as: token, headers, method: method))
    }
}
