import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Importing posts whose dates lie ahead` {
    /// In each form of front matter, one that is too far ahead, and one whose time comes while the test looks.
    private func files(ahead: Timestamp, soon: Timestamp) -> [String: String] {
        [
            "posts/yaml.md": "---\ntitle: Yaml\ndate: 2019-01-01\npublishDate: \(ahead)\nauthor: jane\n---\nBody of yaml.\n",
            "posts/toml.md": "+++\ntitle = \"Toml\"\ndate = \(ahead)\nauthors = [\"jane\"]\n+++\nBody of toml.\n",
            "posts/json.md": #"{"title": "Json", "published_at": "\#(ahead)", "author": "jane"}"# + "\nBody of json.\n",
            "posts/far.md": "---\ntitle: Far\ndate: 2099-01-01\nauthor: jane\n---\nBody of far.\n",
            "posts/soon.md": "---\ntitle: Soon\ndate: \(soon)\nauthor: jane\n---\nBody of soon.\n",
        ]
    }

    @Test func `schedules them, leaves them alone the second time, and takes them back`() async throws {
        try await withSystem { system, anyone in
            _ = try await anyone.signedUp("ann")
            let (ahead, soon) = (Timestamp.now.advanced(by: .seconds(7200)), Timestamp.now.advanced(by: .seconds(4)))
            try await withFolder(files(ahead: ahead, soon: soon)) { folder in
                let plan = try await system.importing(folder, "--dry-run", "--json", "--author", "ann@example.org")
                let planned = #""file":"posts/toml.md","action":"new","state":"scheduled","scheduledAt":"\#(ahead)""#
                #expect(plan.output.contains(planned), "\(plan.output)")

                let first = try await system.importing(folder, "--author", "ann@example.org")
                #expect(first.code == 0, "\(first.output)")
                // The one whose time comes may be public by then.
                #expect(first.output.contains(/5 created \(1 as drafts, [34] scheduled\)/), "\(first.output)")
                #expect(first.output.contains("posts/yaml.md: is to be published on \(ahead)"), "\(first.output)")
                #expect(first.output.contains("posts/far.md: stays a draft: its date 2099-01-01T00:00:00.000Z lies more than five years ahead"))
                let id = String(try #require(first.output.firstMatch(of: /--undo ([0-9a-f-]{36})/)?.1))

                let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"ann@example.org","password":"a password of ann"}"#)
                let ann = Client(base: anyone.base, token: login.data["accessToken"]?.text)
                for slug in ["yaml", "toml", "json"] {
                    let post = try await ann.call(.GET, "/posts/by-slug/\(slug)", headers: ["Wait-For-Position": try await system.head()])
                    #expect(post.data["scheduledAt"]?.text == ahead.description && post.data["published"] == .bool(false))
                    #expect(try await anyone.call(.GET, "/posts/by-slug/\(slug)").status == 404)
                    let process = try #require(post.data["id"]?.text)
                    try await eventually { try await system.annals("processes", "list", "--json").output.contains(process) }
                }
                // The relay publishes what is due, and the next import knows that for its own.
                try await eventually { try await anyone.call(.GET, "/posts/by-slug/soon").status == 200 }
                #expect(try await anyone.call(.GET, "/posts/by-slug/soon").data["publishedAt"]?.text == soon.description)
                let second = try await system.importing(folder, "--author", "ann@example.org")
                #expect(second.code == 0 && second.output.contains("0 created (0 as drafts), 0 updated, 5 unchanged"), "\(second.output)")

                let undone = try await system.importing("--undo", id)
                #expect(undone.code == 0 && undone.output.contains("5 posts deleted, 0 kept"), "\(undone.output)")
                try await eventually { try await !system.annals("processes", "list", "--json").output.contains("scheduled-publication") }
                let ends = "SELECT string_agg(data ->> 'name', ',' ORDER BY data ->> 'name') FROM log.events WHERE type = 'ProcessEnded'"
                let ended = try await system.query(ends, in: "annals_log")
                #expect(ended == "cancelled,cancelled,cancelled,completed" || ended == "cancelled,cancelled,cancelled", "\(ended)")
            }
        }
    }
}
