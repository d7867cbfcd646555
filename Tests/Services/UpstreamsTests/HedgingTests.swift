import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix
import PublishingAPI
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `A public read without an answer` {
    private static var settings: UpstreamSettings {
        var settings = UpstreamSettings()
        settings.hedgeAfter = .milliseconds(1)
        settings.retries.minimum = 100_000
        return settings
    }

    /// The calls that were not marked as repeats.
    private static func firsts(_ peer: Peer) -> Int { peer.calls.count { $0.head.headers["x-annals-attempt"].isEmpty } }

    @Test func `is asked of a second instance, marked as a repeat, and the first answer counts`() async throws {
        let (stalled, good) = (try await Peer.start { _ in .silence }, try await Peer.start { _ in .ok("there") })
        try await RunningCluster.run([stalled, good], Self.settings) { running in
            try await eventually {
                let text = try await running.read().text()
                #expect(text == "there")
                return Self.firsts(stalled) >= 3
            }
            // It counts no view, and the call that lost is given up, be it before it arrives.
            #expect(good.calls.count - Self.firsts(good) >= Self.firsts(stalled))
            try await eventually { running.cluster.state.instances.allSatisfy { $0.outstanding == 0 } }
            #expect(running.cluster.state.breakers == [.closed, .closed])
        }
    }

    @Test func `goes on with the second call when the first fails meanwhile`() async throws {
        let answer = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let failing = try await Peer.start { _ in .later(answer.futureResult, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n") }
        let good = try await Peer.start { _ in .later(answer.futureResult, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
        try await RunningCluster.run([failing, good], Self.settings) { running in
            async let status = running.read().status.code
            try await eventually { failing.calls.count + good.calls.count == 2 }
            answer.succeed()
            #expect(try await status == 200)
            #expect(failing.calls.count == 1 && good.calls.count == 1)
        }
    }

    @Test func `is asked of one instance when that answers, when it is not public, or when it is no read`() async throws {
        let calls = { @Sendable (first: Peer, second: Peer) in first.calls.count + second.calls.count }
        let (one, two) = (try await Peer.start { _ in .ok() }, try await Peer.start { _ in .ok() })
        var patient = Self.settings
        patient.hedgeAfter = .seconds(3600)
        try await RunningCluster.run([one, two], patient) { running in
            _ = try await running.read()
            #expect(calls(one, two) == 1)
        }
        for endpoint in [Endpoint.currentUser, .recordView] {
            var settings = Self.settings
            settings.retries.attempts = 1
            let (first, second) = (try await Peer.start { _ in .silence }, try await Peer.start { _ in .silence })
            try await RunningCluster.run([first, second], settings) { running in
                await withTaskGroup { group in
                    group.addTask { _ = try? await running.read(endpoint) }
                    try? await eventually { calls(first, second) > 0 }
                    group.cancelAll()
                }
                #expect(calls(first, second) == 1 && running.time.hedges == 0, "\(endpoint)")
            }
        }
    }

    @Test func `is asked of one instance once the budget of repeats is spent`() async throws {
        var settings = Self.settings
        settings.retries.minimum = 2
        settings.retries.percentage = 0
        settings.attemptTimeout = .seconds(2)
        let (one, two) = (try await Peer.start { _ in .silence }, try await Peer.start { _ in .silence })
        try await RunningCluster.run([one, two], settings) { running in
            for _ in 0..<5 { _ = try? await running.read() }
            // One that was given up before it arrived is no call.
            let calls = one.calls.count + two.calls.count
            #expect(calls > 5 && calls <= 5 + 2, "\(calls)")
        }
    }
}

extension RunningCluster {
    /// A call of an endpoint, as the gateway makes it.
    fileprivate func read(_ endpoint: Endpoint = .listPosts) async throws -> Response {
        let route = endpoint.route
        let path = endpoint.path("01980000-0000-7000-8000-000000000001")
        let request = Request(
            head: HTTPRequest(method: route.method, scheme: "http", authority: "annals", path: path),
            body: RequestBody(buffer: ByteBuffer()))
        guard case .endpoint(let match) = try EndpointRouter([endpoint]).match(request) else { throw Problem.notFound() }
        return try await cluster.send(request, as: VerifiedCall(match: match, token: nil), context: CallContext(logger: cluster.logger))
    }
}
