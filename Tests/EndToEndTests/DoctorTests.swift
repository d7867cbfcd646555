import Foundation
import Glibc
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The doctor` {
    private struct Report {
        let code: Int32
        let findings: [JSONValue]

        func grades(_ check: String, _ subject: String? = nil) -> Set<String> {
            Set(findings.filter { $0["check"]?.text == check && (subject == nil || $0["subject"]?.text == subject) }.compactMap { $0["grade"]?.text })
        }

        func messages(_ check: String, _ subject: String) -> [String] {
            findings.filter { $0["check"]?.text == check && $0["subject"]?.text == subject }.compactMap { $0["message"]?.text }
        }
    }

    private func examine(_ directory: String, _ environment: [String: String] = [:]) async throws -> Report {
        let (code, output) = try await Launch.run(["doctor", "--json", "--data-dir", directory], environment: environment)
        // Advice is counted on standard error.
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("{") }, "\(output)")
        guard case .array(let findings)? = try JSONValue.parse(Array(line.utf8))["findings"] else { throw LaunchFailure(output: output) }
        return Report(code: code, findings: findings)
    }

    @Test func `finds a system well, and then what is done to it`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let post = try await ann.call(.POST, "/posts", json: #"{"title":"A","content":"B","publish":true}"#)
            _ = try await anyone.call(.GET, "/posts/by-slug/a", headers: ["Wait-For-Position": post.position])
            try await eventually {
                try await system.query("SELECT count(*) FROM annals.checkpoints WHERE lease_holder IS NULL", in: "annals_read") == "0"
            }
            let well = try await examine(system.dataDirectory)
            // The disk is the machine's.
            let bad = well.findings.filter { $0["check"]?.text != "disk" && ["warning", "broken"].contains($0["grade"]?.text) }
            #expect(bad.isEmpty, "\(JSONValue.array(bad).serialized)")
            for database in ["log", "read", "identity", "vault"] {
                for check in ["reachability", "version", "encoding", "clock", "rights", "vacuum", "indexes", "migrations"] {
                    #expect(well.grades(check, database) == ["fine"], "\(check) of \(database)")
                }
            }
            #expect(well.grades("gaps") == ["fine"] && well.grades("append-only") == ["fine"] && well.grades("keys") == ["fine"])
            #expect(well.grades("durability") == ["fine"] && well.grades("read models") == ["fine"])

            #expect(try await examine(system.dataDirectory, ["ANNALS_RAET_LIMIT": "1/1s"]).grades("settings", "configuration") == ["warning"])

            try await system.execute(
                "ALTER TABLE log.events DISABLE TRIGGER USER; DROP TRIGGER checkpoints_are_append_only ON log.merkle_checkpoints", in: "annals_log")
            try await system.execute("DELETE FROM log.events WHERE position = 1", in: "annals_log")
            try await system.execute("GRANT UPDATE ON annals.checkpoints TO annals_queries", in: "annals_read")
            try await system.execute("ALTER ROLE annals_auth RENAME TO annals_away", in: "annals_identity")
            unlink(system.dataDirectory + "/keys/cursors.key")
            let ill = try await examine(system.dataDirectory)
            #expect(ill.code == 3)
            #expect(ill.grades("gaps") == ["broken"] && ill.grades("append-only", "vault") == ["fine"])
            #expect(
                ill.messages("append-only", "log") == [
                    "off is the trigger events_are_append_only of log.events, which keeps what is stored from being changed",
                    "gone is the trigger checkpoints_are_append_only of log.merkle_checkpoints, which keeps what is stored from being changed",
                ])
            #expect(ill.grades("rights", "vault") == ["fine"] && ill.grades("keys") == ["broken"])
            #expect(ill.messages("rights", "read") == ["annals_queries has UPDATE on annals.checkpoints"])
            let remedy = ill.findings.first { $0["subject"]?.text == "read" && $0["check"]?.text == "rights" }?["remedy"]?.text
            #expect(remedy?.hasPrefix("run REVOKE UPDATE ON annals.checkpoints FROM annals_queries") == true)
            for database in ["log", "identity"] { #expect(ill.messages("rights", database) == ["the role annals_auth is not there"]) }
            try await system.execute("ALTER ROLE annals_away RENAME TO annals_auth", in: "annals_identity")
            for finding in ill.findings where ["warning", "broken"].contains(finding["grade"]?.text) {
                #expect(finding["remedy"]?.text?.isEmpty == false, "\(finding.serialized)")
            }
        }
    }

    @Test func `finds what time and settings bring about`() async throws {
        try await withSystem { system, anyone in
            _ = try await anyone.signedUp("ann")
            // Rows that vacuum does not come to, and an index as CREATE INDEX CONCURRENTLY leaves it when it fails.
            try await system.execute(
                """
                CREATE TABLE public.bloated WITH (autovacuum_enabled = off) AS SELECT number FROM generate_series(1, 60000) AS number;
                CREATE INDEX bloated_number ON public.bloated (number);
                UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.bloated_number'::regclass
                """, in: "annals_identity")
            try await system.execute("DELETE FROM public.bloated", in: "annals_identity")
            // The last event is of a time to come, as after a clock that was ahead.
            try await system.execute(
                """
                ALTER TABLE log.events DISABLE TRIGGER ALL;
                UPDATE log.events SET recorded_at = recorded_at + interval '1 hour' WHERE position = (SELECT max(position) FROM log.events);
                ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_are_append_only
                """, in: "annals_log")
            for statement in [
                "ALTER DATABASE annals_log SET default_transaction_isolation = 'serializable'", "ALTER SYSTEM SET autovacuum = off",
                "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()",
            ] {
                try await system.execute(statement, in: "annals_log")
            }
            try await withRepositoryCopy { root in
                let file = root + "/migrations/read/0001_read.sql"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try (text + "\n-- Changed.\n").write(toFile: file, atomically: true, encoding: .utf8)
                try "SELECT 1;\n".write(toFile: root + "/migrations/vault/0002_more.sql", atomically: true, encoding: .utf8)
                // A session tells its counts when it ends, and the server takes its settings in when it comes to it.
                try await eventually(every: .milliseconds(200)) {
                    let report = try await examine(system.dataDirectory, ["ANNALS_ROOT": root])
                    let dead = report.messages("vacuum", "identity").contains { $0.hasPrefix("public.bloated has ") }
                    return dead && ["fsync", "full_page_writes"].allSatisfy { report.grades("durability", $0).contains("broken") }
                }
                let ill = try await examine(system.dataDirectory, ["ANNALS_ROOT": root])
                #expect(ill.code == 3)
                #expect(ill.messages("vacuum", "log") == ["autovacuum is off"] && ill.grades("vacuum") == ["warning"])
                #expect(ill.messages("indexes", "identity") == ["public.bloated_number is not valid, so it costs and helps nothing"])
                #expect(ill.grades("indexes", "identity") == ["warning"] && ill.grades("indexes", "log") == ["fine"])
                #expect(ill.grades("clock", "log").contains("warning") && ill.grades("clock", "vault") == ["fine"])
                let isolation = "default_transaction_isolation is serializable by default; every session of Annals sets it to read committed"
                #expect(ill.messages("settings", "log").contains(isolation) && !ill.messages("settings", "read").contains(isolation))
                #expect(ill.grades("migrations", "read") == ["broken"] && ill.grades("migrations", "vault") == ["fine", "warning"])
                for finding in ill.findings where ["warning", "broken"].contains(finding["grade"]?.text) {
                    #expect(finding["remedy"]?.text?.isEmpty == false, "\(finding.serialized)")
                }
            }
        }
    }

    private static let canMount =
        geteuid() == 0 && system("t=$(mktemp -d) && mount -t tmpfs -o size=1m none $t 2>/dev/null && umount $t && rmdir $t") == 0

    @Test(.enabled(if: canMount, "mounting a small disk takes root"), arguments: [("16m", "broken"), ("512m", "warning")])
    func `tells how little room the disk has`(size: String, grade: String) async throws {
        try await withDataDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try #require(system("mount -t tmpfs -o size=\(size) none '\(directory)'") == 0)
            defer { _ = system("umount -l '\(directory)'") }
            #expect(try await examine(directory).grades("disk") == [grade])
        }
    }

    @Test func `says that nothing runs where nothing does`() async throws {
        try await withDataDirectory { directory in
            let report = try await examine(directory)
            #expect(report.code == 3 && report.grades("data folder") == ["broken"] && report.grades("reachability") == ["broken"])
        }
    }
}
