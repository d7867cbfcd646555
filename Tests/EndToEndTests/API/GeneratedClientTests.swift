import EventSourcing
import Foundation
import JSON
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A client that is generated from the document` {
    @Test func `registers, signs in, writes a post, publishes it, and reads it`() async throws {
        try await withSystem { system, _ in
            let walk = try JSONValue.parse(try await OtherPrograms.run("walk.py", ["http://127.0.0.1:\(system.port)"]).utf8)
            // The generator knows no YAML.
            #expect(walk["warnings"] == .array([.string("parsing GET /openapi.yaml within pages.")]))
            let statuses = [201, 200, 201, 201, 200, 200, 200, 200, 404].map { JSONValue.integer($0) }
            #expect(walk["statuses"] == .array(statuses))
            #expect(walk["sameID"] == .bool(true) && walk["published"] == .bool(true))
            #expect(walk["title"]?.text == "Hello" && walk["author"]?.text == "ann" && walk["code"]?.text == "NOT_FOUND")
            #expect(walk["listed"] == .array([.string("hello")]))
            #expect(walk["history"] == .array([.string("PostDrafted"), .string("PostPublished")]))
        }
    }
}
