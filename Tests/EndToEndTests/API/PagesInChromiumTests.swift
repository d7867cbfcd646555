import EventSourcing
import Foundation
import JSON
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A newcomer with a browser` {
    @Test func `reads both pages, light and dark, narrow and wide, and makes a first post from them`() async throws {
        try await OtherPrograms.fetchSwaggerUI()
        // With its rate limits, as a newcomer has it.
        try await withSystem(isLimited: true) { system, _ in
            let report = try JSONValue.parse(try await OtherPrograms.run("browse.py", ["http://127.0.0.1:\(system.port)"]).utf8)
            guard case .array(let found)? = report["found"], case .array(let statuses)? = report["statuses"] else {
                Issue.record("\(report)")
                return
            }
            #expect(found.isEmpty, "\(found.compactMap(\.text).joined(separator: "\n"))")
            #expect(statuses.compactMap(\.text) == ["201", "200", "201", "200"])
            #expect(report["shown"]?.text?.contains("\"slug\": \"hello\"") == true)
        }
    }
}
