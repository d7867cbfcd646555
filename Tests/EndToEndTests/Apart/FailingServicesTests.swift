import Glibc
import TestSupport
import Testing

/// Under load one service after the other dies or stands still. Only calls that need it fail, each in time and with the code for it.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A service of several processes` {
    /// Short patience, so that what waits in vain fails soon; but none so short that a busy machine needs it all.
    private static let settings = ["ANNALS_DEADLINE": "12s", "ANNALS_UPSTREAM_ATTEMPT_TIMEOUT": "6s", "ANNALS_UPSTREAM_BREAKER_TIME": "1s"]
    private static let kinds: [(service: String, kind: Traffic.Kind?)] = [
        ("queries", .read), ("commands", .write), ("auth", .keys), ("projector", nil), ("relay", nil),
    ]

    @Test func `fails its own calls only when it is killed, and comes back by itself`() async throws {
        try await withSystem(environment: Self.settings, isApart: true) { system, anyone in
            try await Traffic.run([gateway(of: system)], as: anyone.signedUp("ann")) { traffic in
                for (service, kind) in Self.kinds {
                    try await traffic.settle()
                    _ = traffic.take()
                    let killed = try #require(try system.services()[service])
                    kill(killed.pid, SIGKILL)
                    try await eventually { try system.services()[service].map { $0.pid != killed.pid } ?? false }
                    try await traffic.settle()
                    check(traffic.take(), kind, [502: "BAD_UPSTREAM", 503: "UNAVAILABLE", 504: "TIMEOUT"], "\(service) was killed")
                }
                // Without the gateway there is nobody to answer. One that is back before anybody has noticed is killed once more.
                try await eventually(every: .milliseconds(100)) {
                    if let gateway = try system.services()["gateway"] { kill(gateway.pid, SIGKILL) }
                    return traffic.failures.contains { $0.kind == .read }
                }
                try await traffic.settle()
                let failed = traffic.take().filter { !$0.isGood }
                // The next one may not have heard from all services when it begins.
                #expect(failed.allSatisfy { $0.status == 0 || $0.status == 503 }, "\(failed)")
            }
        }
    }

    @Test func `fails its own calls only when it stands still, in time, while all others go on`() async throws {
        try await withSystem(environment: Self.settings, isApart: true) { system, anyone in
            try await Traffic.run([gateway(of: system)], as: anyone.signedUp("ann")) { traffic in
                for (service, kind) in Self.kinds {
                    try await traffic.settle()
                    _ = traffic.take()
                    let stopped = try #require(try system.services()[service])
                    kill(stopped.pid, SIGSTOP)
                    defer { kill(stopped.pid, SIGCONT) }
                    // The others are answered while its calls hang, and these have their answers before it goes on.
                    try await traffic.succeed(20, Traffic.Kind.allCases.filter { $0 != kind })
                    if let kind { try await traffic.fail(kind) }
                    try await traffic.succeed(20, Traffic.Kind.allCases.filter { $0 != kind })
                    kill(stopped.pid, SIGCONT)
                    try await traffic.settle()
                    check(traffic.take(), kind, [503: "UNAVAILABLE", 504: "TIMEOUT"], "\(service) stood still")
                }
                // A gateway that stands still for a moment keeps its clients waiting, and fails nobody.
                let stopped = try #require(try system.services()["gateway"])
                kill(stopped.pid, SIGSTOP)
                try await Task.sleep(for: .milliseconds(300))
                kill(stopped.pid, SIGCONT)
                try await traffic.succeed()
                #expect(traffic.failures.isEmpty, "\(traffic.failures)")
            }
        }
    }

    private func gateway(of system: RunningSystem) -> String { "http://127.0.0.1:\(system.port)" }

    private func check(_ outcomes: [Traffic.Outcome], _ kind: Traffic.Kind?, _ codes: [Int: String], _ what: String) {
        let failed = outcomes.filter { !$0.isGood }
        #expect(failed.allSatisfy { $0.kind == kind && codes[$0.status] == $0.code }, "\(what): \(failed)")
    }
}
