import HTTPContract
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PublishingAPI
import Synchronization
import TestSupport

@testable import Upstreams

/// A cluster before real servers, under a clock that the test turns.
struct RunningCluster: Sendable {
    let cluster: UpstreamCluster
    let time: TestTime
    private let lists: AsyncStream<[Instance]>.Continuation

    /// Runs a cluster of these instances for as long as `body` takes.
    static func run(
        _ peers: [Peer], _ settings: UpstreamSettings = UpstreamSettings(),
        logger: Logger = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() },
        _ body: @Sendable (RunningCluster) async throws -> Void
    ) async throws {
        try await run(peers.map(\.instance), settings, logger: logger, body)
        for peer in peers { try? await peer.kill() }
    }

    static func run(
        _ instances: [Instance], _ settings: UpstreamSettings = UpstreamSettings(),
        logger: Logger = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }, _ body: @Sendable (RunningCluster) async throws -> Void
    ) async throws {
        var settings = settings
        // Nobody is late only because the machine is slow, unless the test is about that.
        if settings.attemptTimeout == UpstreamSettings().attemptTimeout { settings.attemptTimeout = patience }
        settings.connectTimeout = patience
        settings.checks.timeout = patience
        settings.longestSilence = patience
        settings.idleTimeout = patience
        let time = TestTime()
        let (stream, lists) = AsyncStream<[Instance]>.makeStream()
        let cluster = UpstreamCluster(
            service: .queries, discovery: TestDiscovery(stream: stream), settings: settings, timing: time.timing, logger: logger)
        let running = RunningCluster(cluster: cluster, time: time, lists: lists)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await cluster.run() }
            try await running.list(instances)
            try await body(running)
            group.cancelAll()
        }
    }

    /// Tells of these instances, and waits until that is known.
    func list(_ instances: [Instance]) async throws {
        lists.yield(instances)
        try await eventually { cluster.state.instances.map(\.instance) == instances }
    }

    /// Lets the cluster ask those that are due whether they are ready, and waits for the answers.
    func check(until isSo: (UpstreamState) -> Bool) async throws {
        time.check()
        try await eventually { isSo(cluster.state) }
    }

    func send(
        _ method: HTTPRequest.Method = .get, _ path: String = "/", _ headers: HTTPFields = [:], body: String = ""
    ) async throws -> Response {
        var headers = headers
        if !body.isEmpty { headers[.contentLength] = String(body.utf8.count) }
        let head = HTTPRequest(method: method, scheme: "http", authority: "annals", path: path, headerFields: headers)
        return try await cluster.send(
            Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body))), context: CallContext(logger: cluster.logger))
    }

    /// The status of an answer, be it the service's or the cluster's own.
    func status(
        _ method: HTTPRequest.Method = .get, _ path: String = "/", _ headers: HTTPFields = [:], body: String = ""
    ) async throws -> Int {
        do {
            return try await send(method, path, headers, body: body).status.code
        } catch let problem as Problem {
            return problem.status.code
        }
    }

    /// The problem that a call ends with.
    func problem(_ method: HTTPRequest.Method = .get, _ path: String = "/", _ headers: HTTPFields = [:], body: String = "") async throws -> Problem? {
        do {
            _ = try await send(method, path, headers, body: body)
            return nil
        } catch let problem as Problem {
            return problem
        }
    }
}

extension UpstreamState {
    var breakers: [Breaker] { instances.map(\.breaker) }
    var ejected: [Bool] { instances.map(\.isEjected) }
}

extension Response {
    func text() async throws -> String { String(buffer: try await body.collect(upTo: 1 << 24)) }
}

private struct TestDiscovery: Discovery {
    let stream: AsyncStream<[Instance]>

    func instances(of service: ServiceName) -> AsyncStream<[Instance]> { stream }
    func run() async throws {}
}

/// The time of a cluster: it stands still until the test moves it, pauses take none, and checks come when the test says so.
final class TestTime: Sendable {
    private let now = Mutex(ContinuousClock.now)
    private let taken = Mutex<[Duration]>([])
    private let begun = Mutex(0)
    private let checks = AsyncStream<Void>.makeStream()

    /// The pauses before repeats.
    var pauses: [Duration] { taken.withLock { $0 } }
    /// How many calls have waited for the time to ask a second instance.
    var hedges: Int { begun.withLock { $0 } }

    func pass(_ time: Duration) { now.withLock { $0 += time } }

    func check() { checks.continuation.yield() }

    var timing: UpstreamTiming {
        UpstreamTiming(
            now: { self.now.withLock { $0 } },
            hedge: { delay in
                self.begun.withLock { $0 += 1 }
                try await Task.sleep(for: delay)
            },
            pause: { pause in self.taken.withLock { $0.append(pause) } },
            nextCheck: { _ in
                for await _ in self.checks.stream { return }
                throw CancellationError()
            })
    }
}
