import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Testing

@Suite(.serialized, .enabled(if: FileManager.default.fileExists(atPath: blogFolder), "the blog lies beside the project"))
struct `Importing ten years of a real blog` {
    @Test func `all 172 posts come in, and a second import adds nothing`() async throws {
        // Registrations are limited as always: an import's many authors are not held up by that. Only this test itself reads more than a caller may.
        try await withSystem(environment: ["ANNALS_RATE_LIMIT": "200/60s"], isLimited: true) { system, anyone in
            let first = try await system.importBlog()
            #expect(first.code == 0, "\(first.output)")
            #expect(try await system.countPosts() == 172)
            let head = try await system.query("SELECT max(position) FROM log.events WHERE stream NOT LIKE 'views-%'", in: "annals_log")

            let second = try await system.importBlog()
            #expect(second.code == 0, "\(second.output)")
            #expect(try await system.query("SELECT max(position) FROM log.events WHERE stream NOT LIKE 'views-%'", in: "annals_log") == head)

            let list = try await anyone.call(.GET, "/posts?limit=100")
            guard case .array(let items) = list.data else { Issue.record("no list"); return }
            #expect(items.count == 100)
            for item in items {
                let slug = try #require(item["slug"]?.text)
                let post = try await anyone.call(.GET, "/posts/by-slug/\(slug)", headers: ["DNT": "1"])
                #expect(post.status == 200)
                #expect(post.data["author"]?["displayName"]?.text?.isEmpty == false)
            }
        }
    }

    @Test func `killed in the middle and started again, it ends with exactly 172`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            async let interrupted = first.importBlog()
            // Killed as soon as some posts are in, which is long before all are.
            while try await first.countPosts() < 20 {}
            try await first.killEverything()
            let result = try await interrupted
            #expect(result.code == 1)

            let second = try await RunningSystem(dataDirectory: directory)
            let again = try await second.importBlog()
            #expect(again.code == 0, "\(again.output)")
            #expect(try await second.countPosts() == 172)
            #expect(try await second.query("SELECT count(DISTINCT stream) FROM log.events WHERE type = 'PostDrafted'", in: "annals_log") == "172")
            _ = await second.interrupt()
        }
    }
}

extension RunningSystem {
    fileprivate func importBlog() async throws -> (code: Int32, output: String) {
        try await Launch.run(["import", blogFolder, "--port", "\(port)", "--data-dir", dataDirectory])
    }

    fileprivate func countPosts() async throws -> Int {
        try await Int(query("SELECT count(*) FROM log.events WHERE type = 'PostDrafted'", in: "annals_log")) ?? -1
    }
}
