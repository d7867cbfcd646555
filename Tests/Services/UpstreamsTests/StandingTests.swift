import HTTPContract
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `Instances under calls` {
    /// One attempt at each call, and a breaker that opens after four.
    private var brittle: UpstreamSettings {
        var settings = UpstreamSettings()
        settings.retries.attempts = 1
        settings.breaker.minimumVolume = 4
        return settings
    }

    @Test func `an open breaker answers at once and says when to come again, and closes after good probes`() async throws {
        let isGood = Atomic(false)
        let peer = try await Peer.start { _ in isGood.load(ordering: .relaxed) ? .ok() : .reset }
        try await RunningCluster.run([peer], brittle) { running in
            for _ in 0..<4 { _ = try await running.status() }
            #expect(running.cluster.state.breakers == [.open])
            #expect(!running.cluster.state.isAvailable)
            let problem = try #require(try await running.problem())
            #expect(problem.code == .unavailable && problem.headers[.retryAfter] == "5")
            #expect(peer.calls.count == 4)

            isGood.store(true, ordering: .relaxed)
            running.time.pass(.seconds(5))
            for expected in [UpstreamState.Breaker.halfOpen, .halfOpen, .closed] {
                let status = try await running.status()
                #expect(status == 200)
                #expect(running.cluster.state.breakers == [expected])
            }
        }
    }

    @Test func `an open breaker is tried as soon as the instance says that it is ready`() async throws {
        let isGood = Atomic(false)
        let peer = try await Peer.start { _ in isGood.load(ordering: .relaxed) ? .ok() : .reset }
        try await RunningCluster.run([peer], brittle) { running in
            for _ in 0..<4 { _ = try await running.status() }
            isGood.store(true, ordering: .relaxed)
            running.time.pass(.milliseconds(1))
            try await running.check { $0.breakers == [.halfOpen] }
            let status = try await running.status()
            #expect(status == 200)
        }
    }

    @Test func `an answer that says 503 opens nothing: the instance is there`() async throws {
        let peer = try await Peer.start { _ in .ok(status: "503 Service Unavailable") }
        try await RunningCluster.run([peer], brittle) { running in
            for _ in 0..<20 {
                let status = try await running.status()
                #expect(status == 503)
            }
            #expect(running.cluster.state.breakers == [.closed])
        }
    }

    @Test func `one that is not ready gets no calls, and gets them again at once when it is`() async throws {
        let isReady = Atomic(false)
        let draining = try await Peer.start(ready: { isReady.load(ordering: .relaxed) }) { _ in .ok("draining") }
        let other = try await Peer.start { _ in .ok("other") }
        try await RunningCluster.run([draining, other]) { running in
            try await running.check { $0.ejected == [true, false] }
            for _ in 0..<10 {
                let text = try await running.send().text()
                #expect(text == "other")
            }
            isReady.store(true, ordering: .relaxed)
            try await running.check { $0.ejected == [false, false] }
            try await eventually { try await running.send().text() == "draining" }
        }
    }

    @Test func `when none is ready they are called all the same`() async throws {
        let (one, two) = (try await Peer.start(ready: { false }) { _ in .ok() }, try await Peer.start(ready: { false }) { _ in .ok() })
        try await RunningCluster.run([one, two]) { running in
            try await running.check { $0.ejected == [true, true] }
            let status = try await running.status()
            #expect(status == 200)
        }
    }

    @Test func `one that is killed costs no call that may be repeated, and is called again when it is back`() async throws {
        let (first, other) = (try await Peer.start(port: ChildServer.freePort()) { _ in .ok("first") }, try await Peer.start { _ in .ok("other") })
        let instance = first.instance
        try await RunningCluster.run([instance, other.instance]) { running in
            try await eventually { try await running.send().text() == "first" }
            try await first.kill()
            for _ in 0..<20 {
                let text = try await running.send().text()
                #expect(text == "other")
            }
            #expect(running.cluster.state.ejected == [true, false])
            let again = try await Peer.start(port: instance.port) { _ in .ok("first") }
            // A check counts that was asked after the failure.
            running.time.pass(.milliseconds(1))
            try await running.check { $0.ejected == [false, false] }
            try await eventually { try await running.send().text() == "first" }
            try await again.kill()
        }
        try await other.kill()
    }

    @Test func `a slow one does not slow the others: who is free is called`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let slow = try await Peer.start { _ in .later(release.futureResult, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow") }
        let fast = try await Peer.start { _ in .ok("fast") }
        try await RunningCluster.run([slow, fast]) { running in
            try await withThrowingTaskGroup(of: String.self) { group in
                // One call waits at the slow one, sooner or later.
                var calls = 0
                while slow.calls.isEmpty {
                    group.addTask { try await running.send().text() }
                    calls += 1
                    try await eventually { slow.calls.count + fast.calls.count == calls }
                }
                // Those that the fast one has answered are over.
                try await eventually { running.cluster.state.instances.map(\.outstanding) == [1, 0] }
                let answered = fast.calls.count
                for _ in 0..<50 {
                    let text = try await running.send().text()
                    #expect(text == "fast")
                }
                #expect(fast.calls.count == answered + 50)
                release.succeed()
                for try await _ in group {}
            }
        }
    }

    @Test func `the list of instances changes under the calls`() async throws {
        let (old, new) = (try await Peer.start { _ in .ok("old") }, try await Peer.start { _ in .ok("new") })
        try await RunningCluster.run([old.instance]) { running in
            var text = try await running.send().text()
            #expect(text == "old")
            try await running.list([new.instance])
            text = try await running.send().text()
            #expect(text == "new")
        }
        for peer in [old, new] { try await peer.kill() }
    }

    @Test func `without any instance there is no service`() async throws {
        try await RunningCluster.run([Instance]()) { running in
            let problem = try await running.problem()
            #expect(problem?.code == .unavailable)
        }
    }

    @Test func `what changes is logged`() async throws {
        let log = SpokenLog()
        let peer = try await Peer.start { _ in .reset }
        try await RunningCluster.run([peer], brittle, logger: log.logger) { running in
            for _ in 0..<4 { _ = try await running.status() }
            #expect(log.text.contains("the breaker of an instance is open"))
        }
    }
}
