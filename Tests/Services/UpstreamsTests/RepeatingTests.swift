import Deadlines
import HTTPContract
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import PublishingAPI
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `A call that failed` {
    @Test func `goes to another instance when nothing was sent, whatever it is`() async throws {
        let (gone, there) = (try await Peer.start(port: ChildServer.freePort()) { _ in .ok() }, try await Peer.start { _ in .ok("there") })
        let nobody = gone.instance
        try await gone.kill()
        try await RunningCluster.run([nobody, there.instance]) { running in
            for _ in 0..<8 {
                let response = try await running.send(.post, "/", body: "{}")
                #expect(try await response.text() == "there")
            }
            // Nothing had arrived anywhere.
            for call in there.calls { #expect(!call.head.headers.contains(name: "x-annals-attempt") && call.body == "{}") }
        }
        try await there.kill()
    }

    @Test func `goes to another instance with a body that is too large to keep, since nobody has read any of it`() async throws {
        let gone = try await Peer.start(port: ChildServer.freePort()) { _ in .ok() }
        let there = try await Peer.start { call in .ok("\(call.body.utf8.count)") }
        let nobody = gone.instance
        try await gone.kill()
        try await RunningCluster.run([nobody, there.instance]) { running in
            for _ in 0..<8 {
                let text = try await running.send(.post, "/", body: String(repeating: "x", count: 1 << 20)).text()
                #expect(text == "\(1 << 20)")
            }
        }
        try await there.kill()
    }

    @Test func `is repeated, marked as such, when it only reads`() async throws {
        let (bad, good) = (try await Peer.start { _ in .reset }, try await Peer.start { _ in .ok() })
        try await RunningCluster.run([bad, good]) { running in
            try await eventually {
                let status = try await running.status()
                #expect(status == 200)
                return !bad.calls.isEmpty
            }
            let repeated = good.calls.filter { $0.head.headers["x-annals-attempt"] == ["2"] }
            #expect(repeated.count == bad.calls.count)
        }
    }

    @Test func `is repeated with its body when it is a command with a key`() async throws {
        let (bad, good) = (try await Peer.start { _ in .reset }, try await Peer.start { _ in .ok() })
        try await RunningCluster.run([bad, good]) { running in
            try await eventually {
                let status = try await running.status(.post, "/", [.idempotencyKey: "k"], body: "{}")
                #expect(status == 200)
                return !bad.calls.isEmpty
            }
            #expect(good.calls.allSatisfy { $0.body == "{}" && $0.head.headers["idempotency-key"] == ["k"] })
        }
    }

    @Test func `is not repeated when it is a command without a key`() async throws {
        let (bad, good) = (try await Peer.start { _ in .reset }, try await Peer.start { _ in .reset })
        try await RunningCluster.run([bad, good]) { running in
            let problem = try await running.problem(.post, "/", body: "{}")
            #expect(problem?.code == .badUpstream)
            #expect(bad.calls.count + good.calls.count == 1)
        }
    }

    @Test func `is not repeated when its endpoint takes no key`() async throws {
        let (bad, good) = (try await Peer.start { _ in .reset }, try await Peer.start { _ in .reset })
        try await RunningCluster.run([bad, good]) { running in
            let head = HTTPRequest(
                method: .post, scheme: "http", authority: "annals", path: "/api/v1/auth/login", headerFields: [.idempotencyKey: "k"])
            let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
            guard case .endpoint(let match) = try EndpointRouter([.login]).match(request) else { return }
            await #expect(throws: Problem.self) {
                try await running.cluster.send(
                    request, as: VerifiedCall(match: match, token: nil), context: CallContext(logger: running.cluster.logger))
            }
            #expect(bad.calls.count + good.calls.count == 1)
        }
    }

    @Test func `is not repeated with a body that is too large to keep, whatever the answer is`() async throws {
        let busy = Peer.Reply.ok(status: "503 Service Unavailable")
        let (one, two) = (try await Peer.start { _ in busy }, try await Peer.start { _ in busy })
        try await RunningCluster.run([one, two]) { running in
            let status = try await running.status(.post, "/", [.idempotencyKey: "k"], body: String(repeating: "x", count: 1 << 20))
            #expect(status == 503)
            #expect(one.calls.count + two.calls.count == 1)
        }
    }

    @Test func `is repeated after a pause, and not for ever`() async throws {
        let peer = try await Peer.start { _ in .reset }
        try await RunningCluster.run([peer]) { running in
            let status = try await running.status()
            #expect(status == 502)
            #expect(peer.calls.count == 3)
            #expect(running.time.pauses.count == 2)
            #expect(running.time.pauses[0] <= .milliseconds(25) && running.time.pauses[1] <= .milliseconds(50))
        }
    }

    @Test func `is repeated within the budget only`() async throws {
        var settings = UpstreamSettings()
        settings.breaker.minimumVolume = .max
        let peer = try await Peer.start { _ in .reset }
        try await RunningCluster.run([peer], settings) { running in
            for _ in 0..<100 { _ = try await running.status() }
            #expect(peer.calls.count <= 100 + 20)
            #expect(peer.calls.count > 100)
        }
    }

    @Test func `is not repeated when there is no time for the pause`() async throws {
        var settings = UpstreamSettings()
        settings.retries.pause = .seconds(36_000_000)
        settings.retries.longestPause = .seconds(36_000_000)
        let peer = try await Peer.start { _ in .reset }
        try await RunningCluster.run([peer], settings) { running in
            let status = try await Deadline.$current.withValue(Deadline(.now + .seconds(60))) { try await running.status() }
            #expect(status == 502)
            // A pause of less than a minute is as good as impossible.
            #expect(peer.calls.count == 1)
        }
    }

    @Test func `goes to another instance when it is late`() async throws {
        var settings = UpstreamSettings()
        // The good one has time, however slow the machine is.
        settings.attemptTimeout = .seconds(10)
        let (stalled, good) = (try await Peer.start { _ in .silence }, try await Peer.start { _ in .ok() })
        try await RunningCluster.run([stalled, good], settings) { running in
            try await eventually {
                let status = try await running.status()
                #expect(status == 200)
                return !stalled.calls.isEmpty
            }
        }
    }

    @Test func `is not sent again to an instance that is late when there is no other`() async throws {
        var settings = UpstreamSettings()
        // It has time to arrive, however slow the machine is.
        settings.attemptTimeout = .seconds(6)
        let stalled = try await Peer.start { _ in .silence }
        try await RunningCluster.run([stalled], settings) { running in
            let problem = try await running.problem()
            #expect(problem?.code == .timeout)
            try await eventually { !stalled.calls.isEmpty }
            #expect(stalled.calls.count == 1)
        }
    }

    @Test func `goes to another instance than one that says when to come again`() async throws {
        let busy = try await Peer.start { _ in .ok(status: "503 Service Unavailable", headers: "Retry-After: 7\r\n") }
        let good = try await Peer.start { _ in .ok() }
        try await RunningCluster.run([busy, good]) { running in
            try await eventually {
                let status = try await running.status()
                #expect(status == 200)
                return !busy.calls.isEmpty
            }
        }
    }

    @Test func `is passed on when the only instance says when to come again`() async throws {
        let busy = try await Peer.start { _ in .ok(status: "503 Service Unavailable", headers: "Retry-After: 7\r\n") }
        try await RunningCluster.run([busy]) { running in
            let response = try await running.send()
            #expect(response.status == .serviceUnavailable && response.headers[.retryAfter] == "7")
            #expect(busy.calls.count == 1)
        }
    }

    @Test func `is not repeated when the read model is behind: the client has waited for it already`() async throws {
        let (one, two) = (
            try await Peer.start { _ in .ok(status: "503 Service Unavailable") }, try await Peer.start { _ in .ok(status: "503 Service Unavailable") }
        )
        try await RunningCluster.run([one, two]) { running in
            let status = try await running.status(.get, "/", [.waitForPosition: "7"])
            #expect(status == 503)
            #expect(one.calls.count + two.calls.count == 1)
        }
    }
}
