import HTTPContract
import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `A server that is about to stop` {
    private static let request = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test func `answers as before, and ends each connection with the response`() async throws {
        let drain = Drain()
        var limits = ConnectionLimits.patient
        limits.drain = drain
        try await LoopbackServer.run(limits) { port in
            let (used, idle) = (try Wire(port: port), try Wire(port: port))
            for wire in [used, idle] {
                await wire.send(Self.request)
                #expect(try await !wire.answer().lowercased().contains("connection: close"))
            }
            drain.begin()
            // Requests that were sent at once are all answered; the last response says that it is the last.
            await used.send(Self.request + Self.request)
            let last = WireResponse.all(in: try await used.rest())
            #expect(last.map(\.status).allSatisfy { $0 == 200 } && last.last?.headers["connection"] == "close", "\(last)")
            // A connection in the pool of a caller is not closed under its next request.
            await idle.send(Self.request)
            let answer = WireResponse.all(in: try await idle.rest())
            #expect(answer.map(\.status) == [200] && answer[0].headers["connection"] == "close")
            let new = try Wire(port: port)
            await new.send(Self.request)
            #expect(WireResponse.all(in: try await new.rest()).map(\.status) == [200])
        }
    }

    @Test func `is not ready, whatever its dependencies say, and still serves`() async throws {
        var settings = GatewaySettings()
        let drain = Drain()
        settings.connections.drain = drain
        let gateway = SpiedGateway(settings: settings)
        #expect(try await gateway.answer(.get, "/ready").status == 200)
        drain.begin()
        let answer = try await gateway.answer(.get, "/ready")
        #expect(answer.status == 503 && answer.json?["status"]?.text == "unavailable")
        #expect(try await gateway.answer(.get, "/health").status == 200)
        #expect(try await gateway.answer(.get, "/api/v1/posts").status == 200)
        try await drain.wait()
    }

    @Test func `counts a part that requests can do without, and is ready without it`() async throws {
        let parts = [
            Readiness.Part("queries") { Readiness.Report() }, Readiness.Part("projector", need: .never) { throw Problem.unavailable() },
        ]
        let answer = try await SpiedGateway(readiness: Readiness(checks: [], parts: parts, logger: .silent)).answer(.get, "/ready")
        #expect(answer.status == 200 && answer.json?["services"]?["projector"]?["status"]?.text == "down")
        #expect(answer.json?["services"]?["queries"]?["status"]?.text == "up")
    }
}
