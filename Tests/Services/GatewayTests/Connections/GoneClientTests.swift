import HTTPContract
import Hummingbird
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `Work for a client that has gone` {
    @Test func `is cancelled`() async throws {
        let (cancelled, cancel) = AsyncStream<Void>.makeStream()
        let queries = Spy("queries") { _, _ in
            await Cancellation.wait()
            cancel.yield()
            throw CancellationError()
        }
        try await Self.serve(queries) { port in
            let wire = try Wire(port: port)
            await wire.send("GET /api/v1/posts HTTP/1.1\r\nHost: annals\r\n\r\n")
            try await eventually { queries.requests.count == 1 }
            // As a client that is killed leaves it behind.
            wire.finish()
            _ = await cancelled.first { _ in true }
        }
    }

    @Test func `is over when it watches a feed`() async throws {
        let feed = LiveFeed("test", Nothing(), clock: StoppedClock(), logger: .silent)
        let queries = Spy("queries") { _, context in
            try feed.response(from: .live(after: 0), FeedFilter(), client: context.channel)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed.run() }
            try await Self.serve(queries) { port in
                for _ in 1...3 {
                    let wire = try Wire(port: port)
                    await wire.send("GET /api/v1/posts/stream HTTP/1.1\r\nHost: annals\r\n\r\n")
                    try await eventually { feed.watcherCount == 1 }
                    wire.finish()
                    try await eventually { feed.watcherCount == 0 }
                }
            }
            group.cancelAll()
        }
    }

    /// A log in which nothing happens.
    private struct Nothing: FeedSource {
        func head() async throws -> Int64 { 0 }
        func page(after position: Int64) async throws -> FeedPage { FeedPage(after: position) }
        func follow(after position: Int64, _ publish: @Sendable (FeedPage) -> Void) async throws { await Cancellation.wait() }
    }

    private static func serve(_ queries: Spy, _ body: @Sendable (Int) async throws -> Void) async throws {
        let (ports, port) = AsyncStream<Int>.makeStream()
        var settings = GatewaySettings(deadline: .seconds(3600))
        settings.connections.halfClosed = .milliseconds(10)
        settings.onListening = { port.yield($0) }
        let gateway = APIGateway(
            auth: Spy("auth"), commands: Spy("commands"), queries: queries, relay: Spy("relay"),
            readiness: Readiness(checks: [], logger: .silent), verifier: nil, settings: settings, logger: .silent)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await gateway.run() }
            for await port in ports {
                try await body(port)
                break
            }
            group.cancelAll()
        }
    }
}
