import Deadlines
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `A body that comes slowly` {
    private static let half = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 << 10)

    /// A command of two halves, which the test sends.
    private func request(_ parts: AsyncStream<ByteBuffer>) -> Request {
        let fields: HTTPFields = [.idempotencyKey: "k", .contentLength: "\(2 * Self.half.readableBytes)"]
        let head = HTTPRequest(method: .post, scheme: "http", authority: "annals", path: "/slow", headerFields: fields)
        return Request(head: head, body: RequestBody(asyncSequence: parts))
    }

    /// How a call with six seconds ends; nil when it is answered.
    private func ending(of request: Request, _ running: RunningCluster) async throws -> Problem.Code? {
        do {
            _ = try await Deadline.$current.withValue(Deadline(.now + .seconds(6))) {
                try await running.cluster.send(request, context: CallContext(logger: running.cluster.logger))
            }
            return nil
        } catch let problem as Problem {
            return problem.code
        }
    }

    @Test func `has all the time of its request, for it can't be sent again`() async throws {
        var settings = UpstreamSettings()
        settings.attemptTimeout = .milliseconds(20)
        (settings.breaker.minimumVolume, settings.ejection.failures) = (.max, .max)
        let hasBegun = Atomic(false)
        let peer = try await Peer.start(
            onHead: { head in
                if head.uri == "/slow" { hasBegun.store(true, ordering: .relaxed) }
                return nil
            }, { call in call.head.uri == "/slow" ? .ok("\(call.body.utf8.count)") : .silence })
        try await RunningCluster.run([peer], settings) { running in
            let (parts, body) = AsyncStream<ByteBuffer>.makeStream()
            body.yield(Self.half)
            async let answer = running.cluster.send(request(parts), context: CallContext(logger: running.cluster.logger))
            try await eventually { hasBegun.load(ordering: .relaxed) }
            // Each of these takes all the time of an attempt.
            for _ in 0..<4 {
                let problem = try await running.problem()
                #expect(problem != nil)
            }
            body.yield(Self.half)
            body.finish()
            let text = try await answer.text()
            #expect(text == "\(128 << 10)")
        }
    }

    @Test func `is its client's fault and not the instance's when it has not come in time`() async throws {
        var settings = UpstreamSettings()
        settings.ejection.failures = 1
        let heads = Atomic(0)
        let count: @Sendable (HTTPRequestHead) -> Peer.Reply? = { _ in
            heads.add(1, ordering: .relaxed)
            return nil
        }
        let (one, two) = (try await Peer.start(onHead: count) { _ in .silence }, try await Peer.start(onHead: count) { _ in .silence })
        try await RunningCluster.run([one, two], settings) { running in
            let (parts, body) = AsyncStream<ByteBuffer>.makeStream()
            body.yield(Self.half)
            async let late = ending(of: request(parts), running)
            try await eventually { heads.load(ordering: .relaxed) == 1 }
            // The connection is given up at the end of the time.
            try await eventually { one.connections + two.connections == 0 }
            body.finish()
            let code = try await late
            #expect(code == .timeout)
            #expect(running.cluster.state.ejected == [false, false])
        }
    }

    @Test func `is the instance's fault when that has all of it`() async throws {
        var settings = UpstreamSettings()
        settings.ejection.failures = 1
        let (one, two) = (try await Peer.start { _ in .silence }, try await Peer.start { _ in .silence })
        try await RunningCluster.run([one, two], settings) { running in
            let (parts, body) = AsyncStream<ByteBuffer>.makeStream()
            for _ in 0..<2 { body.yield(Self.half) }
            body.finish()
            let code = try await ending(of: request(parts), running)
            #expect(code == .timeout)
            #expect(running.cluster.state.ejected.contains(true))
        }
    }
}
