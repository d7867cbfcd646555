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
