import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

/// The two ways of `docs/high-availability.md` to the primary.
private enum Way: String, CaseIterable {
    case list, proxy

    func environment(of cluster: PatroniCluster) throws -> [String: String] {
        var environment: [String: String] = [:]
        for name in ["log", "read", "identity", "vault"] {
            environment["ANNALS_\(name.uppercased())_URL"] = try primary(cluster, name)
        }
        environment["ANNALS_READ_DIRECT_URL"] = environment["ANNALS_READ_URL"]
        // Queries read from a standby by either way.
        environment["ANNALS_READ_URL"] = cluster.url("annals_read", kind: "prefer-standby")
        // As it is without a setting: how soon a machine that hangs is left hangs on it.
        environment["ANNALS_CONNECT_TIMEOUT"] = "10s"
        return environment
    }

    private func primary(_ cluster: PatroniCluster, _ name: String) throws -> String {
        switch self {
        case .list: cluster.url("annals_\(name)")
        case .proxy: try cluster.proxiedURL("annals_\(name)")
        }
    }
}

/// In the long form alone: a primary that is gone is replaced after 20 seconds.
@Suite(.serialized, .timeLimit(.minutes(longestTest)), .enabled(if: isLongRun, "ANNALS_LONG_TESTS=1 runs it"))
struct `A system on a cluster of three machines` {
    @Test(arguments: Way.allCases) private func `goes on by itself after its primary is killed, and after it hangs`(way: Way) async throws {
        try await PatroniCluster.with { cluster in
            for name in ["log", "read", "identity", "vault"] { try await cluster.makeDatabase("annals_\(name)") }
            let environment = try way.environment(of: cluster)
            try await withSystem(environment: environment) { system, anyone in
                try await MainJob(anyone).walk()
                try await MainJob(anyone).readOwnWrites(80)
                let ann = try await anyone.signedUp("author")
                // It falls due while there is no primary.
                let planned = try await ann.call(.POST, "/posts", json: #"{"title":"Planned","content":"x"}"#)
                let post = try #require(planned.data["id"]?.text)
                var acknowledged: [String] = []
                try await PostLedger.run(as: ann) { ledger in
                    for isKilled in [true, false] {
                        try await ledger.grow(by: 50)
                        let primary = try #require(await cluster.primary())
                        if isKilled {
                            let scheduled = try await ann.call(
                                .POST, "/posts/\(post)/schedule", json: #"{"at":"\#(Timestamp.now.advanced(by: .seconds(3)))"}"#)
                            #expect(scheduled.status == 202)
                        }
                        let start = ContinuousClock.now
                        try await isKilled ? primary.kill() : primary.stop()
                        var posted: Client.Answer?
                        try await eventually(every: .milliseconds(100)) {
                            posted = try await ann.call(.POST, "/posts", json: #"{"title":"After","content":"x","publish":true}"#)
                            return posted?.status == 201
                        }
                        let absence = ContinuousClock.now - start
                        print("by \(way), the primary \(isKilled ? "is killed" : "hangs"): commands are back after \(absence)")
                        #expect(absence < .seconds(30))
                        // Its effect is seen, so the projectors have their leases again.
                        let path = "/posts/\(posted?.data["id"]?.text ?? "")"
                        let read = try await anyone.call(.GET, path, headers: ["Wait-For-Position": posted?.position ?? ""])
                        #expect(read.status == 200, "\(read.json)")
                        print("by \(way), and read models after \(ContinuousClock.now - start)")
                        try await MainJob(anyone).readOwnWrites(isKilled ? 80 : 40, as: "reader\(isKilled)")
                        if isKilled { try primary.startPatroni() } else { primary.resume() }
                        try await cluster.settles()
                    }
                    try await ledger.grow(by: 50)
                    acknowledged = ledger.acknowledged.map(\.stream)
                }
                // The relay has its lease again.
                try await eventually(every: .milliseconds(200)) { try await anyone.call(.GET, "/posts/\(post)").status == 200 }

                let primary = try #require(await cluster.primary())
                let begun = try await primary.value(
                    "SELECT coalesce(string_agg(stream, ' '), '') FROM log.events WHERE stream LIKE 'post-%' AND version = 1", in: "annals_log")
                #expect(Set(begun.split(separator: " ").map(String.init)).isSuperset(of: acknowledged))
                let doubled = try await primary.value(
                    "SELECT (count(*) - count(DISTINCT metadata ->> 'command'))::text FROM log.events WHERE type = 'PostDrafted'", in: "annals_log")
                #expect(doubled == "0")
                for command in [["projections", "verify", "--all"], ["audit", "verify"]] {
                    let done = try await Launch.run(command + ["--data-dir", system.dataDirectory], environment: environment)
                    #expect(done.code == 0, "\(command): \(done.output)")
                }
                // Standbys have answered the queries.
                var standbys = 0
                for machine in cluster.machines where machine.number != primary.number {
                    let sessions = "SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'annals_queries'"
                    standbys += Int(try await machine.value(sessions)) ?? 0
                }
                #expect(standbys > 0)
                print("by \(way): all of \(acknowledged.count) acknowledged posts are there, once")
            }
        }
    }
}
