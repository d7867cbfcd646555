import HTTPContract
import HTTPTypes
import JSON
import Synchronization
import Testing

@testable import Gateway

private final class Count: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func increment() { count.add(1, ordering: .relaxed) }
}

@Suite(.timeLimit(.minutes(5))) struct `Asking whether the gateway is ready` {
    @Test func `asks what it needs once a second, however many want to know`() async throws {
        let (clock, asked) = (HandClock(), Count())
        let check = Readiness.Check("log") {
            asked.increment()
            await Task.yield()
        }
        let gateway = SpiedGateway(readiness: Readiness(checks: [check], logger: .silent, now: clock.reading))
        for round in 1...3 {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<150 { group.addTask { try await gateway.answer(.get, "/ready").status } }
                for try await status in group { #expect(status == 200) }
            }
            #expect(asked.value == round)
            clock.advance(.seconds(1))
        }
    }

    @Test func `asks again when whoever made it ask has left`() async throws {
        let probe = SingleFlight<Int>(lifetime: .seconds(1), now: HandClock().reading)
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                try await probe.outcome {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return 1
                }
            }
            try await group.waitForAll()
        }
        #expect(try await probe.outcome { 2 } == 2)
        #expect(try await probe.outcome { 3 } == 2)
    }

    @Test func `says how the instances of each service do, and no address`() async throws {
        let upstreams = [
            Readiness.Upstream(name: "queries", instances: 2, open: 1, halfOpen: 0, ejected: 1),
            Readiness.Upstream(name: "commands", instances: 1, open: 1, halfOpen: 0, ejected: 0),
        ]
        let answer = try await SpiedGateway(readiness: Readiness(checks: [], upstreams: { upstreams }, logger: .silent)).answer(.get, "/ready")
        // Reads are still answered.
        #expect(answer.status == 200)
        let commands = answer.json?["upstreams"]?["commands"]
        #expect(
            commands
                == .object([
                    "status": .string("down"), "instances": .integer(1), "open": .integer(1), "halfOpen": .integer(0), "ejected": .integer(0),
                ]))
        #expect(answer.json?["upstreams"]?["queries"]?["status"]?.text == "up")
    }

    @Test func `names processes that make no progress to those who ask the service, and to others says how many`() async throws {
        let relay = Readiness(checks: [], stuck: { ["order": ["0198", "0199"]] }, logger: .silent)
        let own = try await SpiedGateway(readiness: relay).answer(.get, "/ready")
        #expect(own.status == 200 && own.json?["checks"]?["processes"]?["status"]?.text == "down")
        let named: JSONValue = .object(["count": .integer(2), "processes": .array([.string("0198"), .string("0199")])])
        #expect(own.json?["stuck"]?["order"] == named)
        let gateway = Readiness(checks: [], parts: [.init("relay") { try await relay.report() }], logger: .silent)
        let answer = try await SpiedGateway(readiness: gateway).answer(.get, "/ready")
        #expect(answer.status == 200 && answer.json?["checks"]?["processes"]?["status"]?.text == "down")
        #expect(answer.json?["stuck"] == .object(["order": .object(["count": .integer(2)])]))
        let idle = try await SpiedGateway(readiness: Readiness(checks: [], stuck: { [:] }, logger: .silent)).answer(.get, "/ready")
        #expect(idle.json?["checks"]?["processes"]?["status"]?.text == "up" && idle.json?["stuck"] == nil)
    }

    /// Of services of other processes, of which these are up.
    private func gateway(up: Set<String>) -> SpiedGateway {
        let parts = ["auth", "commands", "queries", "relay"].map { name in
            Readiness.Part(name, need: name == "relay" ? .never : .oneOfMany) {
                guard up.contains(name) else { throw Problem.unavailable() }
                return Readiness.Report()
            }
        }
        return SpiedGateway(readiness: Readiness(checks: [], parts: parts, logger: .silent))
    }

    @Test(arguments: ["auth", "commands", "queries", "relay"])
    func `is ready while a service of other processes is away, and says that it is down`(away: String) async throws {
        let names: Set<String> = ["auth", "commands", "queries", "relay"]
        let answer = try await gateway(up: names.subtracting([away])).answer(.get, "/ready")
        #expect(answer.status == 200)
        for name in names { #expect(answer.json?["services"]?[name]?["status"]?.text == (name == away ? "down" : "up")) }
        let started = try await gateway(up: names.subtracting([away])).answer(.get, "/startup")
        #expect(started.status == 200)
    }

    @Test func `is unavailable when neither reads nor commands nor sign-ins can be answered`() async throws {
        let answer = try await gateway(up: ["relay"]).answer(.get, "/ready")
        #expect(answer.status == 503 && answer.json?["services"]?["relay"]?["status"]?.text == "up")
    }

    @Test func `is unavailable when no service can be called`() async throws {
        let upstreams = [Readiness.Upstream(name: "queries", instances: 2, open: 2, halfOpen: 0, ejected: 0)]
        let answer = try await SpiedGateway(readiness: Readiness(checks: [], upstreams: { upstreams }, logger: .silent)).answer(.get, "/ready")
        #expect(answer.status == 503)
    }
}
