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

    @Test func `says that nothing runs where nothing does`() async throws {
        try await withDataDirectory { directory in
            let report = try await examine(directory)
            #expect(report.code == 3 && report.grades("data folder") == ["broken"] && report.grades("reachability") == ["broken"])
        }
    }
}
