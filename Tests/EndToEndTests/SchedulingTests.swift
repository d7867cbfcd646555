import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A scheduled post` {
    @Test func `is published by itself, and not when its author is inactive then`() async throws {
        try await withDataDirectory { directory in
            let system = try await RunningSystem(dataDirectory: directory)
            let anyone = Client(base: system.api)
            let ann = try await anyone.signedUp("ann")
            let (post, _) = try await Self.schedule(ahead: .seconds(2), by: ann)
            try await eventually { try await ann.call(.GET, "/posts/\(post)").status == 200 }
            try await eventually { try await anyone.call(.GET, "/posts/\(post)").status == 200 }
            #expect(try await ann.call(.GET, "/posts/\(post)").data["scheduledAt"] == nil)
            let shown = try await system.annals("processes", "show", post, "--json")
            #expect(shown.code == 0 && shown.output.contains("ProcessDeadlinePassed"), "\(shown.output)")

            let waiting = try await Self.schedule(ahead: .seconds(3600), by: ann).post
            try await eventually { try await ann.call(.GET, "/posts/\(waiting)").data["scheduledAt"]?.text != nil }
            try await eventually { try await system.annals("processes", "list", "--json").output.contains(waiting) }
            #expect(try await ann.call(.DELETE, "/posts/\(waiting)/schedule").status == 204)
            try await eventually { try await !system.annals("processes", "list", "--json").output.contains(waiting) }

            try await Self.refuse(system, anyone)
            #expect(await system.interrupt() == 0)
        }
    }

    @Test func `that makes no progress is counted in metrics, and named at the relay`() async throws {
        let port = try ChildServer.freePort(inARow: 6)
        try await withSystem(environment: ["ANNALS_METRICS_PORT": "\(port)"], isApart: true) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let post = try await Self.schedule(ahead: .seconds(3600), by: ann).post
            func metrics() async throws -> String {
                String(decoding: try await anyone.call(.GET, "http://127.0.0.1:\(port + 5)/metrics").body, as: UTF8.self)
            }
            let kind = #"kind="scheduled-publication""#
            try await eventually { try await metrics().contains("annals_processes{\(kind),status=\"running\"} 1") }
            #expect(try await metrics().contains("annals_processes_stuck{\(kind)} 0"))
            // As it is when its patience has ended.
            try await system.execute("UPDATE relay.processes SET stuck_at = now() - interval '1 minute' WHERE id = '\(post)'", in: "annals_log")
            try await eventually { try await metrics().contains("annals_processes_stuck{\(kind)} 1") }
            // How long, by kind alone: ids have no end.
            let told = try await metrics()
            #expect(told.contains("annals_process_stuck_seconds{\(kind)} ") && !told.contains("annals_process_stuck_seconds{\(kind)} 0\n"))
            #expect(!told.contains(post))
            let relay = try #require(try system.services()["relay"])
            let named = #"{"count":1,"processes":["\#(post)"]}"#
            try await eventually {
                let own = try await anyone.call(.GET, relay.base + "/ready")
                return own.status == 200 && own.json["stuck"]?["scheduled-publication"]?.serialized == named
            }
            #expect(try await anyone.call(.GET, relay.base + "/ready").json["checks"]?["processes"]?["status"]?.text == "down")
            // Others are told how many, and not which.
            let ready = "http://127.0.0.1:\(system.port)/ready"
            try await eventually {
                let whole = try await anyone.call(.GET, ready)
                return whole.status == 200 && whole.json["stuck"]?["scheduled-publication"]?.serialized == #"{"count":1}"#
            }

            let cancelled = try await system.annals("processes", "cancel", post, "--json")
            #expect(cancelled.code == 0 && cancelled.output.contains(#""events":["ProcessCompensationBegun"]"#), "\(cancelled.output)")
            try await eventually { try await metrics().contains("annals_processes_stuck{\(kind)} 0") }
            // Its author does not wait for nothing.
            try await eventually { try await ann.call(.GET, "/posts/\(post)").data["scheduledAt"]?.text == nil }
            #expect(try await ann.call(.DELETE, "/posts/\(post)/schedule").status == 404)
            for help in ["retry", "skip", "compensate", "cancel"] { #expect(try await system.annals("processes", help, post).code == 1) }
        }
    }

    /// On a slow machine the deactivation may come late; then there is a next time, further ahead.
    private static func refuse(_ system: RunningSystem, _ anyone: Client) async throws {
        _ = try await anyone.signedUp("eve")
        #expect(try await system.annals("users", "promote", "eve@example.org").code == 0)
        let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"eve@example.org","password":"a password of eve"}"#)
        let eve = Client(base: system.api, token: login.data["accessToken"]?.text)
        for (name, lead) in [("bob", Duration.seconds(5)), ("carl", .seconds(30)), ("dan", .seconds(120))] {
            let author = try await anyone.signedUp(name)
            let id = try await author.ownID()
            let (post, time) = try await schedule(ahead: lead, by: author)
            #expect(try await eve.call(.POST, "/users/\(id)/deactivate").status == 200)
            guard Timestamp.now < time else { continue }
            try await eventually { try await system.annals("processes", "show", post).output.contains("ProcessEnded") }
            let shown = try await system.annals("processes", "show", post).output
            #expect(shown.contains("ProcessStepRefused") && shown.contains("its author is not active") && shown.contains("refused"))
            #expect(try await anyone.call(.GET, "/posts/\(post)").status == 404)
            return
        }
        Issue.record("no deactivation came in time")
    }

    private static func schedule(ahead: Duration, by author: Client) async throws -> (post: String, time: Timestamp) {
        let drafted = try await author.call(.POST, "/posts", json: #"{"title":"Later","content":"x"}"#)
        let post = try #require(drafted.data["id"]?.text)
        // A time that is past when the call is looked at is chosen anew, further ahead.
        var (time, lead) = (Timestamp.now, ahead)
        try await eventually {
            defer { lead = lead * 2 }
            time = Timestamp.now.advanced(by: lead)
            return try await author.call(.POST, "/posts/\(post)/schedule", json: #"{"at":"\#(time)"}"#).status == 202
        }
        return (post, time)
    }
}
