import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import PrivatePostgres
import TestSupport
import Testing

private let isLong = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1"
private let models = ["posts", "trending", "users", "view_counts"]

/// One of `annals projections …` beside a running system.
private func projections(_ arguments: String..., on directory: String) async throws -> (code: Int32, output: String) {
    try await Launch.run(["projections"] + arguments + ["--data-dir", directory])
}

/// Every read model is a fold of the log.
private func expectEqual(on directory: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    for model in models {
        let verified = try await projections("verify", model, on: directory)
        #expect(verified.code == 0, "\(verified.output)", sourceLocation: sourceLocation)
    }
}

extension RunningSystem {
    /// Views of the posts there are, as so many events, put into the log at one go: appending them one by one would be most of the test.
    fileprivate func fillLog(_ count: Int) async throws {
        // In pieces that a busy machine can do within a statement's time.
        for start in stride(from: 0, to: count, by: 50_000) { try await fill(min(50_000, count - start)) }
    }

    private func fill(_ count: Int) async throws {
        try await execute(
            """
            DO $$
            DECLARE
                posts text[] := ARRAY(SELECT substr(stream, 6) FROM log.events WHERE type = 'PostDrafted' ORDER BY position);
                head bigint;
            BEGIN
                PERFORM FROM log.append_lock FOR UPDATE;
                head := (SELECT max(position) FROM log.events);
                INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
                SELECT head + n, 'views-' || post,
                    row_number() OVER (PARTITION BY post ORDER BY n)
                        + (SELECT coalesce(max(version), 0) FROM log.events WHERE stream = 'views-' || post),
                    gen_random_uuid(), 'PostViewed', 1, '{"count": 1}', jsonb_build_object('command', gen_random_uuid()),
                    (SELECT recorded_at FROM log.events ORDER BY position DESC LIMIT 1)
                FROM (SELECT n, posts[1 + n % cardinality(posts)] AS post FROM generate_series(1, \(count)) AS n) AS views;
            END
            $$
            """, in: "annals_log")
    }

    /// Returns once the read models have what the log has now.
    fileprivate func caughtUp() async throws {
        let head = try await query("SELECT max(position) FROM log.events", in: "annals_log")
        try await eventually { try await Client(base: api).call(.GET, "/posts", headers: ["Wait-For-Position": head]).status == 200 }
    }

    /// The part of `/ready` that tells of one read model.
    fileprivate func readiness(of model: String) async throws -> JSONValue? {
        try await Client(base: api).call(.GET, "http://127.0.0.1:\(port)/ready").json["projections"]?[model]
    }
}

extension Client {
    fileprivate func publish(_ title: String) async throws -> Answer {
        try await call(.POST, "/posts", json: #"{"title":"\#(title)","content":"x","publish":true}"#)
    }
}

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Read models` {
    /// 1,000,000 events with ANNALS_LONG_TESTS=1, 10,000 otherwise.
    @Test func `are rebuilt under load without a failed query or a lost update`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            var ids: [String] = []
            for number in 1...20 { ids.append(try await ann.publish("First \(number)").data["id"]?.text ?? "") }
            try await system.fillLog(isLong ? 1_000_000 : 10_000)
            try await system.caughtUp()
            let posts = ids
            let isDone = Flag()
            let (failed, drafted) = try await withThrowingTaskGroup(of: (failed: Int, drafted: Int).self) { group in
                for reader in 0..<3 {
                    group.addTask {
                        var failed = 0
                        var number = 0
                        while !isDone.isSet {
                            number += 1
                            let path = ["/posts?limit=5", "/posts?sort=views", "/posts/\(posts[number % posts.count])"][(reader + number) % 3]
                            let answer = try await anyone.call(.GET, path)
                            if answer.status != 200 { failed += 1 }
                        }
                        return (failed, 0)
                    }
                }
                group.addTask {
                    var (failed, drafted) = (0, 0)
                    while !isDone.isSet {
                        let written = try await ann.publish("Later \(drafted)")
                        let read = try await anyone.call(
                            .GET, "/posts/\(written.data["id"]?.text ?? "")", headers: ["Wait-For-Position": written.position])
                        if written.status != 201 || read.status != 200 { failed += 1 }
                        drafted += 1
                    }
                    return (failed, drafted)
                }
                for round in 1...(isLong ? 2 : 3) {
                    let rebuilt = try await projections("rebuild", "--all", "--parallel", "\(round)", on: system.dataDirectory)
                    #expect(rebuilt.code == 0, "\(rebuilt.output)")
                }
                isDone.set()
                return try await group.reduce((0, 0)) { ($0.0 + $1.failed, $0.1 + $1.drafted) }
            }
            #expect(failed == 0)
            #expect(drafted > 0)
            let list = try await anyone.call(.GET, "/posts?limit=1")
            #expect(list.json["pagination"]?["total"]?.int == Int64(20 + drafted))
            try await expectEqual(on: system.dataDirectory)
        }
    }

    /// 20 rounds with ANNALS_LONG_TESTS=1, 4 otherwise: each way to be killed at least once.
    @Test func `are a fold of the log whatever is killed, and whenever`() async throws {
        var random = SystemRandomNumberGenerator()
        try await withDataDirectory { directory in
            var system = try await RunningSystem(dataDirectory: directory)
            let token = try await Client(base: system.api).signedUp("ann").token
            // So that a crash takes back what did not wait for the disk.
            try await system.execute("ALTER SYSTEM SET wal_writer_delay = '10s'", in: "annals_read")
            try await system.execute("SELECT pg_reload_conf()", in: "annals_read")
            var titles = 0
            for round in 0..<(isLong ? 20 : 4) {
                let ann = Client(base: system.api, token: token)
                for _ in 0..<Int.random(in: 1...30, using: &random) {
                    titles += 1
                    _ = try await ann.publish("Post \(titles)")
                }
                try await system.fillLog(3000)
                switch round % 4 {
                case 0:
                    let rebuild = try Launch(["projections", "rebuild", "--all", "--json", "--data-dir", directory])
                    for _ in 0..<Int.random(in: 1...10, using: &random) { _ = await rebuild.nextLine() }
                    kill(rebuild.process.processIdentifier, SIGKILL)
                    await rebuild.process.waitForExit()
                    var again = try await projections("rebuild", "--all", on: directory)
                    // The server frees what the killed one has locked when its last statement is done.
                    try await eventually {
                        guard again.output.contains("is being rebuilt, verified or rolled back already") else { return true }
                        again = try await projections("rebuild", "--all", on: directory)
                        return false
                    }
                    #expect(again.code == 0, "\(again.output)")
                case 1:
                    await system.kill()
                    system = try await RunningSystem(dataDirectory: directory)
                case 2:
                    let rebuild = try Launch(["projections", "rebuild", "--all", "--json", "--data-dir", directory])
                    _ = await rebuild.nextLine()
                    let killed = try system.killDatabase()
                    await rebuild.process.waitForExit()
                    try await eventually { ((try? system.postmaster()) ?? killed) != killed }
                    try await eventually { try await Client(base: system.api).call(.GET, "/posts").status == 200 }
                default:
                    try await system.killEverything()
                    system = try await RunningSystem(dataDirectory: directory)
                }
                // Commits that a crash has undone come again by themselves, not only with the next event.
                try await system.caughtUp()
                try await eventually { try await ann.at(system).publish("After \(round)").status == 201 }
                try await expectEqual(on: directory)
            }
            let left = try await system.query("SELECT count(*) FROM annals.builds WHERE purpose <> 'previous'", in: "annals_read")
            #expect(left == "0")
            _ = await system.interrupt()
        }
    }

    @Test func `are taken over by another process when theirs is killed`() async throws {
        try await withDataDirectory { directory in
            try await withDataDirectory { other in
                let first = try await RunningSystem(dataDirectory: directory)
                let token = try await Client(base: first.api).signedUp("ann").token
                let server = try #require(PrivateServer.locate(directory: directory + "/postgres"))
                var environment = ["ANNALS_MASTER_KEY_FILE": directory + "/keys/master.key"]
                for name in ["log", "read", "identity", "vault"] {
                    environment["ANNALS_\(name.uppercased())_URL"] =
                        "host=\(server.socketFolder) port=\(server.port) user=postgres dbname=annals_\(name)"
                }
                // Processes on the same databases share all their keys.
                try FileManager.default.createDirectory(
                    atPath: other + "/keys", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                for name in try FileManager.default.contentsOfDirectory(atPath: directory + "/keys") {
                    try FileManager.default.copyItem(atPath: "\(directory)/keys/\(name)", toPath: "\(other)/keys/\(name)")
                }
                let second = try await RunningSystem(dataDirectory: other, environment: environment)
                let holder = "SELECT string_agg(DISTINCT lease_holder, ' ') FROM annals.checkpoints"
                try await eventually { try await first.query(holder, in: "annals_read").contains(":\(first.processIdentifier):") }
                await first.kill()

                let published = try await Client(base: second.api, token: token).publish("Taken over")
                #expect(published.status == 201)
                let read = try await Client(base: second.api).call(
                    .GET, "/posts/by-slug/taken-over", headers: ["Wait-For-Position": published.position])
                #expect(read.status == 200)
                try await eventually {
                    let after = try await first.query(holder, in: "annals_read")
                    return after.contains(":\(second.processIdentifier):") && !after.contains(" ")
                }
                try await expectEqual(on: directory)
                _ = await second.interrupt()
                // Its PostgreSQL has outlived it, and ends with whoever takes it over.
                _ = await (try RunningSystem(dataDirectory: directory)).interrupt()
            }
        }
    }

    @Test func `leave out a post that they can not take, and take it once that is mended`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let bad = try await ann.publish("Fine").data["id"]?.text ?? ""
            let other = try await ann.publish("Other").data["id"]?.text ?? ""
            try await system.execute("ALTER TABLE posts.post ADD CONSTRAINT no_bad CHECK (title !~ '^Bad')", in: "annals_read")
            let edited = try await ann.call(.PATCH, "/posts/\(bad)", json: #"{"title":"Bad"}"#)
            let later = try await ann.call(.PATCH, "/posts/\(other)", json: #"{"title":"Better"}"#)

            let wait = ["Wait-For-Position": later.position]
            #expect(try await anyone.call(.GET, "/posts/\(other)", headers: wait).data["title"]?.text == "Better")
            let behind = try await anyone.call(.GET, "/posts/\(bad)", headers: wait.merging(["Prefer": "wait=10"]) { $1 })
            #expect(behind.code == "READ_MODEL_BEHIND")
            #expect(try await anyone.call(.GET, "/posts/\(bad)").data["title"]?.text == "Fine")
            try await eventually { try await system.readiness(of: "posts")?["parked"]?.int == 1 }
            let list = try await projections("parked", "list", on: system.dataDirectory)
            #expect(list.output.contains("post-\(bad)") && list.output.contains("23514") && list.output.contains("no_bad"))
            let show = try await projections("parked", "show", "posts", "post-\(bad)", "--json", on: system.dataDirectory)
            #expect(show.output.contains(#""position":\#(edited.position)"#) && !show.output.contains("Bad"))
            let verified = try await projections("verify", "posts", on: system.dataDirectory)
            #expect(verified.code == 3 && verified.output.contains("parked: post-\(bad)") && verified.output.contains("equal"))
            let stubborn = try await projections("parked", "retry", "posts", on: system.dataDirectory)
            #expect(stubborn.code == 1)
            let again = try await ann.call(.PATCH, "/posts/\(bad)", json: #"{"title":"Bad again"}"#)
            try await eventually {
                try await projections("parked", "show", "posts", "post-\(bad)", "--json", on: system.dataDirectory).output
                    .contains(#""position":\#(again.position)"#)
            }
            let discarded = try await projections("parked", "discard", "posts", edited.position, on: system.dataDirectory)
            #expect(discarded.code == 1 && discarded.output.contains("failed again at \(again.position)"), "\(discarded.output)")

            try await system.execute("ALTER TABLE posts.post DROP CONSTRAINT no_bad", in: "annals_read")
            let retried = try await projections("parked", "retry", "posts", on: system.dataDirectory)
            #expect(retried.code == 0 && retried.output == "post-\(bad): 1 applied\n", "\(retried.output)")
            #expect(try await anyone.call(.GET, "/posts/\(bad)", headers: wait).data["title"]?.text == "Bad again")
            // Made anew, the tables lack nothing.
            let rebuilt = try await projections("rebuild", "posts", on: system.dataDirectory)
            #expect(rebuilt.code == 0)
            try await expectEqual(on: system.dataDirectory)
        }
    }

    @Test func `whose folder has changed are served as they were, and rebuilt when that is wanted`() async throws {
        try await withDataDirectory { directory in
            let root = directory + "-root"
            defer { try? FileManager.default.removeItem(atPath: root) }
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
            for folder in ["migrations", "openapi", "projections", "web"] {
                try FileManager.default.copyItem(atPath: "\(repositoryRoot)/\(folder)", toPath: "\(root)/\(folder)")
            }
            let first = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_ROOT": root])
            let published = try await Client(base: first.api).signedUp("ann").publish("Kept")
            let wait = ["Wait-For-Position": published.position]
            #expect(try await Client(base: first.api).call(.GET, "/posts", headers: wait).status == 200)
            _ = await first.interrupt()

            try "CREATE INDEX post_version ON post (version);".write(
                toFile: root + "/projections/posts/indexes.sql", atomically: true, encoding: .utf8)
            let second = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_ROOT": root])
            try await eventually { try await second.readiness(of: "posts")?["status"]?.text == "stale" }
            try await eventually { try await second.readiness(of: "users")?["status"]?.text == "current" }
            #expect(try await Client(base: second.api).call(.GET, "/posts/by-slug/kept").status == 200)
            let status = try await Launch.run(["projections", "status", "--data-dir", directory], environment: ["ANNALS_ROOT": root])
            #expect(status.output.contains("posts        stale"), "\(status.output)")
            _ = await second.interrupt()

            let third = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_ROOT": root, "ANNALS_REBUILD_STALE": "true"])
            try await eventually { try await third.readiness(of: "posts")?["status"]?.text == "current" }
            #expect(
                try await third.query("SELECT count(*) FROM pg_indexes WHERE indexname = 'post_version' AND schemaname = 'posts'", in: "annals_read")
                    == "1")
            #expect(try await Client(base: third.api).call(.GET, "/posts/by-slug/kept").status == 200)
            _ = await third.interrupt()
        }
    }

    @Test func `are looked after one by one, whatever is wrong with another's folder`() async throws {
        try await withDataDirectory { directory in
            let root = directory + "-root"
            defer { try? FileManager.default.removeItem(atPath: root) }
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
            for folder in ["migrations", "openapi", "projections", "web"] {
                try FileManager.default.copyItem(atPath: "\(repositoryRoot)/\(folder)", toPath: "\(root)/\(folder)")
            }
            let extra = root + "/projections/extra"
            try FileManager.default.createDirectory(atPath: extra, withIntermediateDirectories: true)
            try "CREATE TABLE t (id uuid);".write(toFile: extra + "/table.sql", atomically: true, encoding: .utf8)
            func projections(_ arguments: String...) async throws -> (code: Int32, output: String) {
                try await Launch.run(["projections"] + arguments + ["--data-dir", directory], environment: ["ANNALS_ROOT": root])
            }
            let first = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_ROOT": root])
            try await eventually { try await first.readiness(of: "extra")?["status"]?.text == "current" }
            #expect(try await projections("drop", "extra", "--orphaned").output.contains("is not orphaned"))
            _ = await first.interrupt()
            try FileManager.default.removeItem(atPath: extra)

            let second = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_ROOT": root])
            try await eventually { try await projections("list").output.contains("orphaned") }
            let dropped = try await projections("drop", "extra", "--orphaned", "--json")
            #expect(dropped.code == 0 && dropped.output == #"{"model":"extra","dropped":"all"}"# + "\n", "\(dropped)")
            #expect(try await !projections("list").output.contains("extra"))

            try "DELETE FROM".write(toFile: root + "/projections/view_counts/Nonsense.sql", atomically: true, encoding: .utf8)
            let status = try await projections("status")
            #expect(status.code == 0 && status.output.contains("broken"), "\(status)")
            #expect(status.output.contains("view_counts/Nonsense.sql: there is no event type Nonsense"), "\(status)")
            #expect(try await projections("rebuild", "users").code == 0)
            let all = try await projections("rebuild", "--all")
            #expect(all.code == 1 && all.output.contains("Rebuilt posts") && all.output.contains("Rebuilt users"), "\(all)")
            #expect(all.output.contains("annals: 1 of 4 read models were not rebuilt"), "\(all)")

            let lines = try await projections("rebuild", "posts", "--json").output.split(separator: "\n")
            #expect(lines.dropLast().allSatisfy { $0.contains(#""rate":"#) && $0.contains(#""secondsLeft":"#) }, "\(lines)")
            let unread = try await Shell.run(
                """
                ANNALS_ROOT='\(root)' '\(Launch.binary.path)' projections rebuild posts --json --data-dir '\(directory)' | head -n 1 >/dev/null
                echo "${PIPESTATUS[0]}"
                """)
            #expect(unread.hasSuffix("0\n") && !unread.hasSuffix("141\n"), "\(unread)")

            let nope = try await projections("parked", "list", "nope")
            #expect(nope.code == 1 && nope.output == "annals: there is no read model nope\n", "\(nope)")
            #expect(try await projections("parked", "retry", "posts", "--json").output == "[]\n")
            for count in ["0", "5000"] { #expect(try await projections("verify", "posts", "--parallel", count).code == 2) }
            _ = await second.interrupt()
        }
    }

    @Test func `are refused by name where there are none`() async throws {
        try await withSystem { system, _ in
            for arguments in [
                ["rebuild", "none"], ["verify", "none"], ["rollback", "posts"], ["drop", "posts"], ["parked", "discard", "posts", "7"],
            ] {
                let refused = try await Launch.run(["projections"] + arguments + ["--data-dir", system.dataDirectory])
                #expect(refused.code == 1 && refused.output.hasPrefix("annals: ") && refused.output.split(separator: "\n").count == 1, "\(refused)")
            }
        }
    }
}

extension Client {
    /// The same user at a system that was started again.
    fileprivate func at(_ system: RunningSystem) -> Client { Client(base: system.api, token: token) }
}
