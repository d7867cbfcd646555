import Foundation
import NIOHTTP1
import PrivatePostgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `With a hot standby for queries` {
    @Test func `clients read their own writes, go on reading without the primary, and write again when it is back`() async throws {
        try await StreamingPair.with { pair in
            try await withDatabases(at: pair.primaryLocation) { _ in
                try await withSystem(environment: pair.urls) { system, anyone in
                    try await MainJob(anyone).walk()
                    try await MainJob(anyone).readOwnWrites(160)
                    // The standby has served them.
                    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'annals_queries' AND state = 'idle'"
                    try await eventually { try await number(sessions, at: pair.standbyLocation) > 0 }

                    let ann = try await anyone.signedUp("ann2")
                    let posted = try await ann.call(.POST, "/posts", json: #"{"title":"Kept","content":"x","publish":true}"#)
                    let wait = ["Wait-For-Position": posted.position, "DNT": "1"]
                    #expect(try await anyone.call(.GET, "/posts/by-slug/kept", headers: wait).status == 200)

                    await pair.primary.kill()
                    for _ in 1...20 {
                        let read = try await anyone.call(.GET, "/posts/by-slug/kept", headers: wait)
                        #expect(read.status == 200, "\(read.json)")
                        #expect(try await anyone.call(.GET, "/posts").status == 200)
                    }
                    let refused = try await ann.call(.POST, "/posts", json: #"{"title":"Not now","content":"x"}"#)
                    #expect(refused.status == 503 && refused.headers.first(name: "Retry-After") != nil, "\(refused.json)")
                    try await eventually { try await anyone.call(.GET, "http://127.0.0.1:\(system.port)/ready").status == 503 }
                    // A position that nobody can reach is told as such. Views of the posts before may have come after this one.
                    let later = ["Wait-For-Position": "\((Int(posted.position) ?? 0) + 1000)", "Prefer": "wait=0"]
                    #expect(try await anyone.call(.GET, "/posts/by-slug/kept", headers: later).code == "READ_MODEL_BEHIND")

                    try await pair.primary.start()
                    // Each start writes the rules of the private server anew, by which no standby comes in.
                    try await letEveryUserIn(at: pair.primaryLocation)
                    var last: Client.Answer?
                    // With a key: one may be written although its caller was told that it is not known.
                    let key = ["Idempotency-Key": "again"]
                    try await eventually {
                        last = try await ann.call(
                            .POST, "/posts", json: #"{"title":"Again","content":"x","slug":"again","publish":true}"#, headers: key)
                        return last?.status == 201
                    }
                    let again = ["Wait-For-Position": last?.position ?? ""]
                    // The standby finds the primary again by itself.
                    try await eventually { try await anyone.call(.GET, "/posts/by-slug/again", headers: again).status == 200 }
                }
            }
        }
    }

    @Test func `a standby that is cut off falls behind, as the metric says, and no longer once it streams again`() async throws {
        let port = try ChildServer.freePort()
        try await StreamingPair.with { pair in
            try await withDatabases(at: pair.primaryLocation) { _ in
                var settings = pair.urls
                settings["ANNALS_METRICS_PORT"] = "\(port)"
                try await withSystem(environment: settings) { _, anyone in
                    _ = try await anyone.signedUp("ann")
                    try await eventually(every: .milliseconds(200)) { try await lag(port) == 0 }

                    await pair.primary.kill()
                    try await eventually(every: .milliseconds(200)) { try await lag(port) ?? 0 > 0 }

                    try await pair.primary.start()
                    try await letEveryUserIn(at: pair.primaryLocation)
                    try await eventually(every: .milliseconds(200)) { try await lag(port) == 0 }
                }
            }
        }
    }

    private func lag(_ port: Int) async throws -> Double? {
        let answer = try await Client(base: "").call(.GET, "http://127.0.0.1:\(port)/metrics")
        let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("annals_read_replication_lag_seconds ") }
        return line?.split(separator: " ").last.flatMap { Double($0) }
    }

    private func number(_ sql: String, at location: PrivateServer.Location) async throws -> Int {
        let text = try await Shell.run("psql -h '\(location.socketFolder)' -p \(location.port) -U postgres -AtXc \"\(sql)\" postgres")
        return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)), "\(text)")
    }
}
