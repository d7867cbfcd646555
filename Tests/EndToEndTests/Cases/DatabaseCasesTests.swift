import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension `One running system` {
    @Suite(.timeLimit(.minutes(longestTest))) struct `whose databases change under it` {
        private let one = Result { try OneSystem.current }

        @Test func `takes migrations with other line ends for the same`() async throws {
            let root = FileManager.default.temporaryDirectory.appending(path: "annals-crlf-\(UUID().uuidString.prefix(8))").path
            defer { try? FileManager.default.removeItem(atPath: root) }
            try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
            for folder in ["migrations", "projections"] {
                try FileManager.default.copyItem(atPath: "\(repositoryRoot)/\(folder)", toPath: "\(root)/\(folder)")
                for file in try FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(folder)") where file.hasSuffix(".sql") {
                    let path = "\(root)/\(folder)/\(file)"
                    let text = try String(contentsOfFile: path, encoding: .utf8)
                    try text.replacing("\n", with: "\r\n").write(toFile: path, atomically: true, encoding: .utf8)
                }
            }
            let environment = try one.get().system.databaseURLs.merging(["ANNALS_ROOT": root]) { old, _ in old }
            let applied = try await Launch.run(["migrate", "--data-dir", one.get().system.dataDirectory], environment: environment)
            #expect(applied.code == 0, "\(applied.output)")
            let status = try await Launch.run(["migrate", "--status", "--data-dir", one.get().system.dataDirectory], environment: environment)
            #expect(status.code == 0 && status.output.contains("applied") && !status.output.contains("edited"), "\(status.output)")
        }

        /// The last test of the suite: from here on the log's times stand still.
        @Test func `tells at once that the clock has run ahead, and goes on`() async throws {
            let one = try one.get()
            let ann = try await one.person("timekeeper").client
            let ready = one.system.api.replacingOccurrences(of: "/api/v1", with: "/ready")
            try await eventually { try await one.anyone.call(.GET, ready).json["checks"]?["clock"]?["status"]?.text == "up" }
            // The last event as a clock that ran two hours ahead would have dated it.
            try await one.system.execute(
                """
                ALTER TABLE log.events DISABLE TRIGGER ALL;
                UPDATE log.events SET recorded_at = clock_timestamp() + interval '2 hours' WHERE position = (SELECT max(position) FROM log.events);
                ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_are_append_only
                """, in: "annals_log")
            let posted = try await ann.call(.POST, "/posts", json: #"{"title":"After the fact","content":"x","publish":true}"#)
            #expect(posted.status == 201)
            try await eventually { try one.log.contains("the log's database has set its clock back") }
            try await eventually { try await one.anyone.call(.GET, ready).json["checks"]?["clock"]?["status"]?.text == "down" }
            let read = try await one.anyone.call(.GET, "/posts/by-slug/after-the-fact", headers: try await one.waiting())
            #expect(read.status == 200)
            let times = "SELECT count(DISTINCT recorded_at) FROM log.events WHERE position >= \(posted.position) - 1"
            #expect(try await one.system.query(times, in: "annals_log") == "1")
        }
    }
}
