import EventSourcing
import Foundation
import Glibc
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A process that an operator helps` {
    @Test func `is shown, tried again and skipped by commands, in words and in JSON`() async throws {
        try await withSystem(isApart: true) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let id = try await ann.ownID()
            // Nobody tells that the read models are scrubbed.
            let queries = try #require(try system.services()["queries"]).pid
            kill(queries, SIGSTOP)
            defer { kill(queries, SIGCONT) }
            #expect(try await ann.call(.DELETE, "/users/me", json: #"{"password":"a password of ann"}"#).status == 202)
            try await eventually { try await Self.objects(system, "list").contains { $0["failures"]?.int ?? 0 > 0 } }

            let listed = try #require(try await Self.objects(system, "list").first)
            #expect(listed["id"]?.text == id && listed["kind"]?.text == "account-closure" && listed["status"]?.text == "running")
            #expect(listed["step"]?.text == "scrub-read-models" && listed["failures"]?.int ?? 0 > 0 && listed["stuck"] == .bool(false))
            let table = try await system.annals("processes", "list").output
            #expect(table.contains("FAILURES") && table.contains("scrub-read-models") && table.contains(id), "\(table)")
            let shown = try await Self.objects(system, "show", id)
            #expect(shown.first?["type"]?.text == "ProcessStarted" && shown.allSatisfy { $0["position"]?.int != nil && $0["data"] != nil })
            #expect(try await system.annals("processes", "show", id).output.contains("ProcessStepIssued"))

            #expect(try await Self.events(system, "retry", id) == ["ProcessStepRetried"])
            #expect(try await system.annals("processes", "retry", id).output.contains("ProcessStepRetried"))
            // The next step, or an erasure would be left half done.
            #expect(try await Self.events(system, "skip", id) == ["ProcessStepSkipped", "ProcessStepIssued"])
            for wish in ["compensate", "cancel"] {
                let refused = try await system.annals("processes", wish, id, "--json")
                #expect(refused.code == 1 && refused.output.contains("past its pivot"), "\(refused.output)")
            }
            kill(queries, SIGCONT)
            try await eventually { try await Self.objects(system, "list").isEmpty }
            let ended = try #require(try await Self.objects(system, "list", "--all").first)
            #expect(ended["status"]?.text == "completed" && ended["dueAt"] == .null)
            #expect(try await Self.objects(system, "show", id).last?["type"]?.text == "ProcessEnded")
        }
    }

    @Test(arguments: ["compensate", "cancel"]) func `is undone by a command, and what cannot be is said`(wish: String) async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let post = try #require(try await ann.call(.POST, "/posts", json: #"{"title":"Later","content":"x"}"#).data["id"]?.text)
            let time = Timestamp.now.advanced(by: .seconds(86_400))
            #expect(try await ann.call(.POST, "/posts/\(post)/schedule", json: #"{"at":"\#(time)"}"#).status == 202)
            try await eventually { try await Self.objects(system, "list").contains { $0["id"]?.text == post && $0["step"]?.text == "\(time)" } }
            // It waits, and nothing fails.
            for help in ["retry", "skip"] {
                let refused = try await system.annals("processes", help, post, "--json")
                #expect(refused.code == 1 && refused.output.contains("no step of the process waits for its command"), "\(refused.output)")
            }
            #expect(try await Self.events(system, wish, post) == ["ProcessCompensationBegun"])
            try await eventually { try await Self.objects(system, "list").isEmpty }
            #expect(try await Self.objects(system, "list", "--all").first?["status"]?.text == "compensated")
            // Its author does not wait for nothing.
            #expect(try await ann.call(.DELETE, "/posts/\(post)/schedule").status == 404)
            for help in ["retry", "skip", "compensate", "cancel"] {
                let over = try await system.annals("processes", help, post, "--json")
                #expect(over.code == 1 && over.output.contains("the process is over"), "\(over.output)")
            }
            let stranger = UUID.v7().lowercased
            for command in ["show", "retry", "skip", "compensate", "cancel"] {
                let missing = try await system.annals("processes", command, stranger, "--json")
                #expect(missing.code == 1 && missing.output.contains("there is no process \(stranger)"), "\(missing.output)")
                #expect(try await system.annals("processes", command, "nobody", "--json").code == 2)
            }
        }
    }

    @Test func `is one of a page, which says where the next one begins`() async throws {
        try await withSystem { system, _ in
            // Over, so that no relay comes to them; two and two of one moment.
            try await system.execute(
                """
                INSERT INTO relay.processes (id, kind, status, failures, version, progress_at)
                SELECT gen_random_uuid(), 'tests', 'completed', 0, 1, timestamptz '2026-03-01 10:00:00Z' + number / 2 * interval '1 minute'
                FROM generate_series(1, 5) AS number
                """, in: "annals_log")
            var seen: Set<String> = []
            var place: [String] = []
            for count in [2, 2, 1] {
                let page = try await Launch.run(
                    ["processes", "list", "--all", "--limit", "2", "--json", "--data-dir", system.dataDirectory] + place)
                #expect(page.code == 0, "\(page.output)")
                let lines = page.output.split(separator: "\n")
                let objects = try lines.filter { $0.hasPrefix("{") }.map { try JSONValue.parse(Array($0.utf8)) }
                let ids = objects.compactMap { $0["id"]?.text }
                #expect(ids.count == count && seen.isDisjoint(with: ids), "\(page.output)")
                seen.formUnion(ids)
                let after = objects.last?["after"]?.text
                #expect((objects.last?["more"] == .bool(true)) == (count == 2) && (after != nil) == (count == 2), "\(page.output)")
                #expect(lines.contains { $0.hasPrefix("annals: there are more: ") && $0.hasSuffix("--after \(after ?? "")") } == (count == 2))
                place = after.map { ["--after", $0] } ?? []
            }
            #expect(seen.count == 5)
            let whole = try await system.annals("processes", "list", "--all")
            #expect(seen.allSatisfy { whole.output.contains($0) } && !whole.output.contains("there are more"), "\(whole.output)")
            #expect(try await system.annals("processes", "list", "--after", "yesterday").code == 2)
        }
    }

    /// The JSON objects that a command prints, one a line.
    private static func objects(_ system: RunningSystem, _ words: String...) async throws -> [JSONValue] {
        let answer = try await Launch.run(["processes"] + words + ["--json", "--data-dir", system.dataDirectory])
        try #require(answer.code == 0, "\(answer.output)")
        return try answer.output.split(separator: "\n").map { try JSONValue.parse(Array($0.utf8)) }
    }

    private static func events(_ system: RunningSystem, _ help: String, _ process: String) async throws -> [String] {
        let answer = try #require(try await objects(system, help, process).first)
        #expect(answer["id"]?.text == process)
        guard case .array(let events)? = answer["events"] else { return [] }
        return events.compactMap(\.text)
    }
}
