import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import PublishingAPI
import Synchronization
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `A public read while its service does not answer` {
    private let post = "/api/v1/posts/01980000-0000-7000-8000-000000000001"

    /// A service that answers with a tag, until it is down.
    private final class Service: Sendable {
        let isDown = Atomic(false)

        var spy: Spy {
            Spy("queries") { [self] request, _ in
                if isDown.load(ordering: .relaxed) { throw Problem.unavailable(retryAfter: 4) }
                return Answer.data(headers: [.eTag: "W/\"1.ab\""]) { $0.string(request.head.path ?? "") }
            }
        }
    }

    private func gateway(_ service: Service, stale: StaleSettings? = StaleSettings()) -> SpiedGateway {
        var settings = GatewaySettings()
        settings.stale = stale
        return SpiedGateway(queries: service.spy, settings: settings)
    }

    @Test func `gets the last answer, marked as such and with its age`() async throws {
        let service = Service()
        let gateway = gateway(service)
        _ = try await gateway.answer(.get, post)
        service.isDown.store(true, ordering: .relaxed)
        let answer = try await gateway.answer(.get, post)
        #expect(answer.status == 200 && answer.data == post)
        #expect(answer.headers[.cacheStatus] == "annals; hit; detail=stale")
        // In seconds, of which some may have gone by.
        #expect(answer.headers[.age].flatMap { Int($0) }.map { 0...300 ~= $0 } == true)
        let unchanged = try await gateway.answer(.get, post, [.ifNoneMatch: "W/\"1.ab\""])
        #expect(unchanged.status == 304)
    }

    @Test func `gets no such answer unless the settings say so`() async throws {
        let service = Service()
        let gateway = gateway(service, stale: nil)
        _ = try await gateway.answer(.get, post)
        service.isDown.store(true, ordering: .relaxed)
        let answer = try await gateway.answer(.get, post)
        #expect(answer.code == "UNAVAILABLE" && answer.headers[.retryAfter] == "4")
    }

    @Test func `gets no such answer with a token, for a position, or of another page`() async throws {
        let service = Service()
        let gateway = gateway(service)
        for headers: HTTPFields in [[:], [.authorization: "Bearer x"], [.waitForPosition: "1"]] { _ = try await gateway.answer(.get, post, headers) }
        service.isDown.store(true, ordering: .relaxed)
        let elsewhere = try await gateway.answer(.get, post + "?x=1")
        let later = try await gateway.answer(.get, post, [.waitForPosition: "1"])
        #expect(elsewhere.status == 503 && later.status == 503)
        let answer = try await gateway.answer(.get, post, [.authorization: "Bearer x"])
        #expect(answer.headers[.cacheStatus] == nil)
    }

    @Test func `gets no answer that is too old`() async throws {
        let now = Mutex(ContinuousClock.now)
        let kept = StaleAnswers(StaleSettings(), now: { now.withLock { $0 } })
        let request = Request(head: HTTPRequest(method: .get, scheme: "http", authority: "annals", path: post), body: .init(buffer: .init()))
        _ = try await kept.answer(request, for: .post) { Answer.data { $0.string("x") } }
        now.withLock { $0 += .seconds(600) }
        let last = try await kept.answer(request, for: .post) { throw Problem.timeout() }
        #expect(last.headers[.age] == "600")
        now.withLock { $0 += .seconds(1) }
        await #expect(throws: Problem.timeout()) { try await kept.answer(request, for: .post) { throw Problem.timeout() } }
    }

    @Test(arguments: [404, 410, 403, 500]) func `gets no answer from before its service withdrew it`(status: Int) async throws {
        let kept = StaleAnswers(StaleSettings())
        let request = Request(head: HTTPRequest(method: .get, scheme: "http", authority: "annals", path: post), body: .init(buffer: .init()))
        let problems: [@Sendable () throws -> Response] = [{ Response(status: .init(code: status)) }, { throw Problem.notFound() }]
        for withdrawal in problems {
            _ = try await kept.answer(request, for: .post) { Answer.data { $0.string("x") } }
            _ = try? await kept.answer(request, for: .post) { try withdrawal() }
            await #expect(throws: Problem.timeout()) { try await kept.answer(request, for: .post) { throw Problem.timeout() } }
        }
    }

    @Test(arguments: [304, 502, 503, 504]) func `keeps the answer from before when its service says nothing else`(status: Int) async throws {
        let kept = StaleAnswers(StaleSettings())
        let request = Request(head: HTTPRequest(method: .get, scheme: "http", authority: "annals", path: post), body: .init(buffer: .init()))
        _ = try await kept.answer(request, for: .post) { Answer.data { $0.string("x") } }
        _ = try await kept.answer(request, for: .post) { Response(status: .init(code: status)) }
        let answer = try await kept.answer(request, for: .post) { throw Problem.timeout() }
        #expect(answer.status == .ok)
    }

    @Test func `are kept within their bound when one grows, too`() async throws {
        let kept = StaleAnswers(StaleSettings(bytes: 100_000))
        func request(_ page: Int) -> Request {
            Request(head: HTTPRequest(method: .get, scheme: "http", authority: "annals", path: "/p\(page)"), body: .init(buffer: .init()))
        }
        for size in [1, 40_000] {
            let text = String(repeating: "x", count: size)
            for page in 0..<20 { _ = try await kept.answer(request(page), for: .post) { Answer.data { $0.string(text) } } }
            #expect(kept.bytes <= 100_000)
        }
        #expect(kept.bytes > 40_000)
    }

    @Test func `are kept within their bound, and those that were asked for last stay`() async throws {
        let kept = StaleAnswers(StaleSettings(bytes: 100_000))
        func request(_ page: Int) -> Request {
            Request(head: HTTPRequest(method: .get, scheme: "http", authority: "annals", path: "/p\(page)"), body: .init(buffer: .init()))
        }
        let text = String(repeating: "x", count: 1000)
        for page in 0..<1000 { _ = try await kept.answer(request(page), for: .post) { Answer.data { $0.string(text) } } }
        var found = 0
        for page in 0..<1000 {
            do {
                _ = try await kept.answer(request(page), for: .post) { throw Problem.badUpstream() }
                found += 1
            } catch is Problem {}
        }
        #expect(1..<100 ~= found)
        let last = try await kept.answer(request(999), for: .post) { throw Problem.badUpstream() }
        #expect(last.status == .ok)
    }
}
