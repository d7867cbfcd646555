import AccessTokens
import Deadlines
import HTTPContract
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `The time that is left for a request` {
    private func request(_ left: String?) -> Request {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "annals", path: "/health")
        head.headerFields[.timeLeft] = left
        return Request(head: head, body: RequestBody(buffer: ByteBuffer()))
    }

    @Test func `is what the caller says, and no more than the service's own limit`() {
        #expect(TimeBudget(of: request("60000"), limit: .seconds(5)).remaining <= .seconds(5))
        #expect(TimeBudget(of: request("60000"), limit: .seconds(3600)).remaining <= .seconds(60))
        #expect(TimeBudget(of: request("60000"), limit: .seconds(3600)).remaining > .zero)
        #expect(TimeBudget(of: request("0"), limit: .seconds(5)).isSpent)
    }

    @Test(arguments: [nil, "", "soon", "-1", "1.5"]) func `is the service's own limit where the caller says nothing that can be read`(left: String?) {
        let remaining = TimeBudget(of: request(left), limit: .seconds(3600)).remaining
        #expect(remaining > .seconds(1800) && remaining <= .seconds(3600))
    }

    @Test func `is passed on in whole milliseconds, and is never negative`() {
        #expect(TimeBudget(Deadline(.now - .seconds(1))).header == "0")
        let left = Int(TimeBudget(.seconds(60)).header)
        #expect(left.map { 0...60_000 ~= $0 } == true)
    }

    @Test func `is found by the work`() async throws {
        let service = service { _, context in
            #expect(context.budget.map { !$0.isSpent && $0.remaining <= .seconds(60) } == true)
            return Answer.noContent()
        }
        let response = try await service.respond(to: request("60000"), context: CallContext(logger: Self.silent))
        #expect(response.status == .noContent)
    }

    @Test func `being spent, nothing is begun`() async throws {
        let service = service { _, _ in
            Issue.record("it was begun")
            return Answer.noContent()
        }
        let response = try await service.respond(to: request("0"), context: CallContext(logger: Self.silent))
        #expect(response.status == .gatewayTimeout && response.headers[.requestID] != nil)
    }

    @Test func `being over, the work is cancelled and the answer is 504`() async throws {
        let service = service(limit: .milliseconds(10)) { _, _ in
            let (never, _) = AsyncStream.makeStream(of: Never.self)
            for await _ in never {}
            #expect(Task.isCancelled)
            throw CancellationError()
        }
        let response = try await service.respond(to: request(nil), context: CallContext(logger: Self.silent))
        #expect(response.status == .gatewayTimeout)
    }

    @Test func `being over, whatever was not available is late`() async throws {
        let service = service { _, _ in throw CancellationError() }
        let response = try await Deadline.$current.withValue(Deadline(.now)) {
            try await service.service.respond(to: request(nil), context: CallContext(logger: Self.silent))
        }
        #expect(response.status == .gatewayTimeout)
    }

    private static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }

    private func service(limit: Duration = .seconds(3600), _ handler: @escaping Routes.Handler) -> TimedResponder {
        var routes = Routes()
        routes.on(.health, handler)
        return TimedResponder(
            routes.responder(for: .gateway, authentication: Authentication(verifier: nil), logger: Self.silent), limit: limit)
    }
}
