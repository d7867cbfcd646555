import Foundation
import Glibc
import JSON
import NIOHTTP1
import Postgres
import TestSupport
import Testing

/// A real Prometheus that scrapes a running system by the rules of the repository, with shorter windows.
private struct Watch {
    let server: ChildServer

    init(metricsPort: Int) async throws {
        server = try ChildServer("prometheus")
        let rules = try String(contentsOfFile: repositoryRoot + "/deploy/prometheus/annals.rules.yml", encoding: .utf8)
            .replacing(#/for: \d+m/#, with: "for: 1s").replacing("[5m]", with: "[10s]")
        #expect(rules.matches(of: #/for: 1s/#).count > 9)
        try server.write(rules, to: "rules.yml")
        let targets = (0..<6).map { "\"127.0.0.1:\(metricsPort + $0)\"" }.joined(separator: ", ")
        try server.write(
            """
            global: {scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s}
            rule_files: [rules.yml]
            scrape_configs: [{job_name: annals, static_configs: [{targets: [\(targets)]}]}]
            """, to: "prometheus.yml")
        try await server.start(
            [
                "prometheus", "--config.file=\(server.folder)/prometheus.yml", "--storage.tsdb.path=\(server.folder)/data",
                "--web.listen-address=127.0.0.1:\(server.port)",
            ], readyWhen: "Server is ready to receive web requests")
    }

    /// The names of the alerts that fire.
    func firing() async throws -> Set<String> {
        let answer = try await Client(base: "").call(.GET, "http://127.0.0.1:\(server.port)/api/v1/alerts")
        guard case .array(let alerts)? = answer.data["alerts"] else { throw LaunchFailure(output: String(decoding: answer.body, as: UTF8.self)) }
        return Set(alerts.filter { $0["state"]?.text == "firing" }.compactMap { $0["labels"]?["alertname"]?.text })
    }

    /// Returns when these fire.
    func fires(_ names: Set<String>) async throws {
        do { try await poll { try await firing().isSuperset(of: names) } } catch is WaitedInVain {
            Issue.record("\(names) should fire, and these do: \(try await firing())")
        }
    }

    /// Returns when none of these fires.
    func rests(_ names: Set<String>) async throws {
        do { try await poll { try await firing().isDisjoint(with: names) } } catch is WaitedInVain {
            Issue.record("\(names) should not fire, and these do: \(try await firing())")
        }
    }

    private func poll(_ isSo: () async throws -> Bool) async throws {
        try await eventually(every: .milliseconds(200), isSo)
    }
}

/// In the long form, since Prometheus needs its seconds for each: `The alerts` holds every rule to its unit test.
@Suite(.serialized, .timeLimit(.minutes(longestTest)), .enabled(if: isLongRun)) struct `Prometheus beside a running system` {
    /// Those that are not tried here have unit tests: a lag of a standby, and a full append queue.
    private static let service: Set = ["AnnalsDown", "AnnalsFailingRequests", "AnnalsSlowRequests", "AnnalsBreakerOpen"]

    @Test func `fires the rule of each fault, and lets it rest when the fault is gone`() async throws {
        let port = try ChildServer.freePort(inARow: 6)
        let settings = ["ANNALS_METRICS_PORT": "\(port)", "ANNALS_UPSTREAM_BREAKER_VOLUME": "5", "ANNALS_UPSTREAM_ATTEMPT_TIMEOUT": "1s"]
        try await withSystem(environment: settings, isApart: true) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let watch = try await Watch(metricsPort: port)
            try await watch.rests(Self.service)

            // The query service stands still under load.
            try await Traffic.run(["http://127.0.0.1:\(system.port)"], as: ann) { traffic in
                try await traffic.succeed()
                let stopped = try #require(try system.services()["queries"])
                kill(stopped.pid, SIGSTOP)
                defer { kill(stopped.pid, SIGCONT) }
                try await watch.fires(Self.service)
                kill(stopped.pid, SIGCONT)
                try await watch.rests(Self.service)
            }

            // A read model refuses an event.
            let post = try await ann.call(.POST, "/posts", json: #"{"title":"Fine","content":"x","publish":true}"#)
            let id = try #require(post.data["id"]?.text)
            try await system.execute("ALTER TABLE posts.post ADD CONSTRAINT no_bad CHECK (title !~ '^Bad')", in: "annals_read")
            _ = try await ann.call(.PATCH, "/posts/\(id)", json: #"{"title":"Bad"}"#)
            try await watch.fires(["AnnalsParkedEvents"])
            try await system.execute("ALTER TABLE posts.post DROP CONSTRAINT no_bad", in: "annals_read")
            _ = try await Launch.run(["projections", "parked", "retry", "posts", "--data-dir", system.dataDirectory])
            try await watch.rests(["AnnalsParkedEvents"])

            // A read model's checkpoint is locked while events come.
            try await system.session("annals_read") { session in
                try await session.execute(script: "BEGIN; LOCK TABLE annals.checkpoints IN EXCLUSIVE MODE")
                try await system.addViews(of: id, count: 5000)
                try await watch.fires(["AnnalsProjectionLag"])
                try await session.execute(script: "ROLLBACK")
            }
            try await watch.rests(["AnnalsProjectionLag"])

            // The last event is of a time to come, as after a clock that was ahead.
            try await system.execute(
                """
                ALTER TABLE log.events DISABLE TRIGGER ALL;
                UPDATE log.events SET recorded_at = recorded_at + interval '1 hour' WHERE position = (SELECT max(position) FROM log.events);
                ALTER TABLE log.events ENABLE TRIGGER ALL
                """, in: "annals_log")
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"Late","content":"x"}"#)
            try await watch.fires(["AnnalsClockBehind"])

            // The last checkpoint is taken away, so the follower stops.
            unlink(system.dataDirectory + "/keys/audit.key.checkpoint")
            _ = try await ann.call(.POST, "/posts", json: #"{"title":"Unsigned","content":"x"}"#)
            try await watch.fires(["AnnalsCheckpointOld"])
            withExtendedLifetime(watch) {}
        }
    }
}

extension RunningSystem {
    /// Puts views of a post into the log at one go.
    fileprivate func addViews(of post: String, count: Int) async throws {
        try await execute(
            """
            DO $$
            DECLARE
                head bigint;
            BEGIN
                PERFORM FROM log.append_lock FOR UPDATE;
                head := (SELECT max(position) FROM log.events);
                INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
                SELECT head + n, 'views-\(post)', n, gen_random_uuid(), 'PostViewed', 1, '{"count": 1}',
                    jsonb_build_object('command', gen_random_uuid()), (SELECT recorded_at FROM log.events ORDER BY position DESC LIMIT 1)
                FROM generate_series(1, \(count)) AS n;
            END
            $$
            """, in: "annals_log")
    }
}
