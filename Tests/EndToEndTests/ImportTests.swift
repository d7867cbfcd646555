import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(
    .serialized, .timeLimit(.minutes(longestTest)),
    .enabled(if: FileManager.default.fileExists(atPath: blogFolder), "the blog lies beside the project"))
struct `Importing ten years of a real blog` {
    @Test func `all 172 posts come in, and a second import adds nothing`() async throws {
        // Registrations are limited as always: an import's many authors are not held up by that. Only this test itself reads more than a caller may.
        try await withSystem(environment: ["ANNALS_RATE_LIMIT": "200/60s"], isLimited: true) { system, anyone in
            let first = try await system.importing(blogFolder)
            #expect(first.code == 0, "\(first.output)")
            #expect(try await system.countPosts() == 172)
            let head = try await system.query("SELECT max(position) FROM log.events WHERE stream NOT LIKE 'views-%'", in: "annals_log")

            let second = try await system.importing(blogFolder)
            #expect(second.code == 0, "\(second.output)")
            #expect(second.output.contains("172 posts read: 0 created (0 as drafts), 0 updated, 172 unchanged"))
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
        // An import that was done before this test looked is not the one that this is about.
        try await eventually { try await isKilledInTheMiddle() }
    }

    /// Whether the first import was not whole when it was killed.
    private func isKilledInTheMiddle() async throws -> Bool {
        var isInTheMiddle = true
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            async let interrupted = first.importing(blogFolder)
            // Killed as soon as some posts are in, which is long before all are.
            try await eventually { try await first.countPosts() >= 20 }
            try await first.killEverything()
            let result = try await interrupted
            isInTheMiddle = result.code != 0
            guard isInTheMiddle else { return }
            #expect(result.code == 1)

            let second = try await RunningSystem(dataDirectory: directory)
            let again = try await second.importing(blogFolder)
            #expect(again.code == 0, "\(again.output)")
            #expect(try await second.countPosts() == 172)
            #expect(try await second.query("SELECT count(DISTINCT stream) FROM log.events WHERE type = 'PostDrafted'", in: "annals_log") == "172")
            // The second run found the accounts of the first, those without a post as well.
            let accounts = try await second.query("SELECT count(*) FROM log.events WHERE type = 'UserRegistered'", in: "annals_log")
            let authors = try await second.query(
                "SELECT count(DISTINCT metadata #>> '{import,author}') FROM log.events WHERE type = 'PostDrafted'", in: "annals_log")
            #expect(accounts == authors)
            _ = await second.interrupt()
        }
        return isInTheMiddle
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `A blog of a stranger` {
    @Test(arguments: [[], ["--json"]]) func `does not steer the terminal that its plan is shown on`(options: [String]) async throws {
        try await withDataDirectory { directory in
            try FileManager.default.createDirectory(atPath: "\(directory)/posts", withIntermediateDirectories: true)
            for (name, author) in [("\u{1B}]0;x\u{07}.md", "ann"), ("b\nc.md", "\u{9B}2J\u{202E}ann"), ("\u{1B}[2J.html", "x")] {
                let text = "---\ntitle: T\nauthor: \"\(author)\"\n---\nx ![](\u{1B}[1mpicture.png)\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(directory)/posts/\(name)"))
            }
            let plan = try await Launch.run(["import", directory, "--dry-run", "--data-dir", "\(directory)/nothing"] + options)
            // The page in HTML is no post.
            #expect(plan.code == 1, "\(plan.output)")
            let steering = plan.output.unicodeScalars.filter { $0 != "\n" && ($0.value < 0x20 || 0x7F...0x9F ~= $0.value || $0 == "\u{202E}") }
            #expect(steering.isEmpty, "\(plan.output.debugDescription)")
            #expect(
                plan.output.contains(#"posts/\u001"#) && plan.output.contains(options.isEmpty ? #"posts/b\u000"# : #"posts/b\nc"#), "\(plan.output)")
        }
    }
}

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Importing a blog into a running system` {
    private let files = [
        "posts/one.md": "---\ntitle: One\ndate: 2019-01-01\nauthor: jane\n---\nBody of one.\n",
        "posts/two.md": "+++\ntitle = \"Two\"\ndate = 2019-01-02\nauthors = [\"jane\"]\n+++\nBody of two.\n",
        "posts/three.md": "{\"title\": \"Three\", \"date\": \"2019-01-03\", \"author\": \"jane\"}\nBody of three.\n",
        "posts/draft.md": "---\ntitle: Draft\ndraft: true\nauthor: jane\n---\nNot yet.\n",
    ]

    @Test func `knows the second time what was done since, and takes the first back`() async throws {
        try await withSystem { system, anyone in
            // A stranger has the author's name before.
            let stranger = try await anyone.signedUp("jane")
            try await withFolder(files) { folder in
                let first = try await system.importing(folder)
                #expect(first.code == 0, "\(first.output)")
                #expect(
                    first.output.contains(
                        "4 posts read: 4 created (1 as drafts), 0 updated, 0 unchanged, 0 left as they are, 0 failed; 1 authors made"))
                let id = try #require(first.output.firstMatch(of: /--undo ([0-9a-f-]{36})/)?.1)
                for (slug, status) in [("one", 200), ("two", 200), ("three", 200), ("draft", 404)] {
                    let answer = try await anyone.call(
                        .GET, "/posts/by-slug/\(slug)", headers: ["DNT": "1", "Wait-For-Position": try await system.head()])
                    #expect(answer.status == status)
                }
                let me = try await stranger.call(.GET, "/users/me", headers: ["Wait-For-Position": try await system.head()])
                #expect(me.data["displayName"] == .null || me.data["displayName"]?.text == "jane")
                #expect(me.data["postCount"]?.int == 0)
                // Nothing of the files' names or texts is in the log in the clear.
                #expect(try await system.query("SELECT count(*) FROM log.events e WHERE e.metadata::text ~ 'one|posts'", in: "annals_log") == "0")

                // The author takes the account over, unpublishes one post and deletes another.
                let password = "a new password of jane"
                let set = try await Shell.run(
                    "echo '\(password)' | \(Launch.binary.path) users set-password jane_2@import.invalid --data-dir \(system.dataDirectory) && echo DONE"
                )
                #expect(set.contains("DONE"), "\(set)")
                let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"jane_2@import.invalid","password":"\#(password)"}"#)
                let jane = Client(base: anyone.base, token: login.data["accessToken"]?.text)
                func post(_ slug: String) async throws -> String {
                    try #require(try await jane.call(.GET, "/posts/by-slug/\(slug)", headers: ["DNT": "1"]).data["id"]?.text)
                }
                #expect(try await jane.call(.POST, "/posts/\(try await post("one"))/unpublish").status == 200)
                #expect(try await jane.call(.DELETE, "/posts/\(try await post("two"))").status == 204)
                try Data("{\"title\": \"Three\", \"date\": \"2019-01-03\", \"author\": \"jane\"}\nAnother body.\n".utf8)
                    .write(to: URL(fileURLWithPath: folder + "/posts/three.md"))

                let second = try await system.importing(folder)
                #expect(second.code == 0, "\(second.output)")
                #expect(second.output.contains("0 created (0 as drafts), 0 updated, 2 unchanged, 2 left as they are, 0 failed"))
                #expect(second.output.contains("posts/three.md: was changed since it was imported; --update changes the post"))
                #expect(second.output.contains("posts/two.md: was deleted here; it is not imported again"))
                let updated = try await system.importing(folder, "--update")
                #expect(updated.output.contains("1 updated"), "\(updated.output)")
                let three = try await jane.call(.GET, "/posts/by-slug/three", headers: ["DNT": "1", "Wait-For-Position": try await system.head()])
                #expect(three.data["content"]?.text == "Another body.\n")

                let undone = try await system.importing("--undo", String(id))
                #expect(undone.code == 0 && undone.output.contains("1 posts deleted, 2 kept"), "\(undone.output)")
                #expect(undone.output.contains("The authors' accounts stay, for the next import; to remove one: annals users erase <email>"))
                let unknown = try await system.importing("--undo", UUID.v7().lowercased)
                #expect(unknown.code == 1 && unknown.output.contains("\(id)  4 posts"), "\(unknown.output)")
            }
        }
    }

    @Test func `shows its plan without changing anything, with a system and without one`() async throws {
        try await withFolder(files.merging(["posts/broken.md": "---\ntitle: x\n"]) { old, _ in old }) { folder in
            try await withDataDirectory { nowhere in
                let plan = try await Launch.run(["import", folder, "--dry-run", "--json", "--data-dir", nowhere])
                #expect(plan.code == 1 && plan.output.contains("annals: 1 could not be imported"))
                #expect(plan.output.contains(#""file":"posts/one.md","action":"new","state":"public""#))
                #expect(plan.output.contains(#""file":"posts/broken.md","action":"skip""#))
                #expect(plan.output.contains("compared with no system"))
            }
            try await withSystem { system, _ in
                let head = try await system.query("SELECT count(*) FROM log.events", in: "annals_log")
                let plan = try await system.importing(folder, "--dry-run")
                #expect(plan.code == 1 && plan.output.contains("ACTION"), "\(plan.output)")
                #expect(try await system.query("SELECT count(*) FROM log.events", in: "annals_log") == head)
                let result = try await system.importing(folder)
                #expect(result.code == 1 && result.output.contains("posts/broken.md: the front matter opens with --- and never closes; skipped"))
                #expect(try await system.countPosts() == 4)
            }
        }
    }

    @Test func `gives the posts to the account that the operator names, and to nobody else`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            try await withFolder(files) { folder in
                for options in [[], ["--dry-run"]] {
                    let wrong = try await system.importing([folder, "--author", "nobody@example.org"] + options)
                    #expect(wrong.code == 1 && wrong.output.contains("there is no account with the email nobody@example.org"), "\(wrong.output)")
                }
                #expect(try await system.importing(folder, "--map", "jane=ann@example.org", "--dry-run").code == 0)
                let result = try await system.importing(folder, "--map", "jane=ann@example.org")
                #expect(result.code == 0 && result.output.contains("0 authors made"), "\(result.output)")
                let id = try await ann.ownID()
                let owned = "SELECT count(*) FROM log.events WHERE type = 'PostDrafted' AND metadata ->> 'actor' = '\(id)'"
                #expect(try await system.query(owned, in: "annals_log") == "4")
            }
        }
    }
}

extension RunningSystem {
    func importing(_ arguments: String...) async throws -> (code: Int32, output: String) { try await importing(arguments) }

    func importing(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        try await Launch.run(["import"] + arguments + ["--port", "\(port)", "--data-dir", dataDirectory])
    }

    /// The log's last position.
    func head() async throws -> String { try await query("SELECT max(position) FROM log.events", in: "annals_log") }

    fileprivate func countPosts() async throws -> Int {
        try await Int(query("SELECT count(*) FROM log.events WHERE type = 'PostDrafted'", in: "annals_log")) ?? -1
    }
}

/// A folder with these files, removed afterwards.
func withFolder(_ files: [String: String], _ body: (String) async throws -> Void) async throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("blog-" + UUID().uuidString.prefix(8))
    defer { try? FileManager.default.removeItem(at: root) }
    for (path, text) in files {
        let file = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
    try await body(root.path)
}
