import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Testing

private let cases = repositoryRoot + "/../shared/cases/import"

extension `One running system` {
    /// The folder stands beside the repository; where it does not, the tests of the import's module hold the same rules.
    @Suite(.enabled(if: FileManager.default.fileExists(atPath: cases), "the small blogs lie beside the project"))
    struct `asked to import a small blog` {
        private let one = Result { try OneSystem.current }

        /// Imports a blog, or some of its files, under its own name, for an owner if there is one.
        private func importing(
            _ name: String, only files: [String]? = nil, from folder: String? = nil, as owner: String? = nil
        ) async throws -> (code: Int32, output: String) {
            let options = ["--blog", name] + (owner.map { ["--author", "\($0)@example.org"] } ?? [])
            guard let files else { return try await one.get().system.importing([folder ?? "\(cases)/\(name)"] + options) }
            return try await withCopy(of: name) { copy in
                for file in try FileManager.default.subpathsOfDirectory(atPath: copy) where file.hasSuffix(".md") && !files.contains(file) {
                    try FileManager.default.removeItem(atPath: "\(copy)/\(file)")
                }
                return try await one.get().system.importing([copy] + options)
            }
        }

        private func withCopy<Value>(of name: String, _ body: (String) async throws -> Value) async throws -> Value {
            let copy = FileManager.default.temporaryDirectory.appending(path: "blog-\(UUID().uuidString.prefix(8))").path
            try FileManager.default.copyItem(atPath: "\(cases)/\(name)", toPath: copy)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            return try await body(copy)
        }

        /// All posts of somebody, drafts included, by their slugs.
        private func posts(of owner: OneSystem.Person) async throws -> [String: JSONValue] {
            let list = try await owner.client.call(.GET, "/users/\(owner.id)/posts?limit=100", headers: try await one.get().waiting())
            guard case .array(let items) = list.data else { return [:] }
            return Dictionary(uniqueKeysWithValues: items.map { ($0["slug"]?.text ?? "", $0) })
        }

        private func post(_ slug: String, as client: Client? = nil) async throws -> Client.Answer {
            try await (client ?? one.get().anyone).call(.GET, "/posts/by-slug/\(slug)", headers: try await one.get().waiting())
        }

        @Test(arguments: [("drafts-in-other-heads", 5), ("keys-in-capitals", 2), ("not-now", 2)])
        func `keeps secret what should not be public, and says so`(name: String, count: Int) async throws {
            let owner = try await one.get().person(String(name.prefix(8).filter(\.isLetter)) + "_owner")
            let result = try await importing(name, as: owner.username)
            #expect(result.code == 0 && result.output.contains("\(count) created (\(count) as drafts)"), "\(result.output)")
            #expect(result.output.components(separatedBy: ": stays a draft: ").count == count + 1, "\(result.output)")
            let posts = try await posts(of: owner)
            #expect(posts.count == count)
            for (slug, post) in posts {
                #expect(post["published"] == .bool(false), "\(slug)")
                let excerpt = try #require(post["excerpt"]?.text)
                #expect(!excerpt.contains("draft") && !excerpt.contains("---") && !excerpt.isEmpty, "\(excerpt)")
            }
            let seen = try await one.get().anyone.call(.GET, "/users/\(owner.id)/posts", headers: try await one.get().waiting())
            #expect(seen.json["pagination"]?["total"]?.int == 0)
        }

        @Test func `reverses nothing that was done since, and doubles nothing`() async throws {
            let owner = try await one.get().person("rerunner")
            #expect(try await importing("run-again", as: owner.username).code == 0)
            let first = try await posts(of: owner)
            #expect(Set(first.keys) == ["post-one", "post-two", "post-three"])
            func path(_ slug: String) -> String { "/posts/" + (first[slug]?["id"]?.text ?? "") }
            #expect(try await owner.client.call(.POST, path("post-one") + "/unpublish").status == 200)
            #expect(try await owner.client.call(.PATCH, path("post-two"), json: #"{"slug":"mine"}"#).status == 200)
            #expect(try await owner.client.call(.DELETE, path("post-three")).status == 204)
            let before = try await posts(of: owner)
            try await withCopy(of: "run-again") { copy in
                let file = "\(copy)/posts/two.md"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                try text.replacing("Body", with: "Text").write(toFile: file, atomically: true, encoding: .utf8)
                let again = try await importing("run-again", from: copy, as: owner.username)
                #expect(again.output.contains("0 created (0 as drafts), 0 updated"), "\(again.output)")
                #expect(again.output.contains("posts/two.md: was changed here and in the folder"), "\(again.output)")
            }
            #expect(try await posts(of: owner) == before)
        }

        @Test func `leaves a slug to the post that has it`() async throws {
            let owner = try await one.get().person("noter")
            #expect(try await importing("slug-of-another", only: ["posts/a.md"], as: owner.username).code == 0)
            let first = try await posts(of: owner)
            #expect(Array(first.keys) == ["notes"])
            #expect(try await importing("slug-of-another", as: owner.username).code == 0)
            let both = try await posts(of: owner)
            #expect(Set(both.keys) == ["notes", "notes-2019-01-01"])
            #expect(both["notes"] == first["notes"] && both["notes-2019-01-01"]?["excerpt"]?.text == "I am B.\n")
        }

        @Test func `gives strangers no posts and no names`() async throws {
            let strangers = [try await one.get().person("unknown"), try await one.get().person("jane")]
            _ = try await strangers[1].client.call(.PATCH, "/users/me", json: #"{"displayName":"A stranger"}"#)
            let result = try await importing("accounts-of-strangers")
            #expect(result.code == 0 && result.output.contains("2 created (0 as drafts)"), "\(result.output)")
            for (slug, name) in [("none", nil), ("jane", "Jane of the blog")] {
                let author = try #require(try await post(slug).data["author"])
                #expect(strangers.allSatisfy { $0.id != author["id"]?.text })
                if let name { #expect(author["displayName"]?.text == name) }
            }
            for (stranger, name) in zip(strangers, [.null, .string("A stranger")] as [JSONValue]) {
                let me = try await stranger.client.call(.GET, "/users/me", headers: try await one.get().waiting())
                #expect(me.data["postCount"]?.int == 0 && me.data["displayName"] == name)
            }
        }

        @Test func `keeps authors apart whose names have no Latin letter, from run to run`() async throws {
            let name = "names-that-fold-to-nothing"
            #expect(try await importing(name, only: ["posts/one.md", "posts/two.md"]).code == 0)
            func authors(_ slugs: [String]) async throws -> [JSONValue?] {
                var authors: [JSONValue?] = []
                for slug in slugs { authors.append(try await post(slug).data["author"]) }
                return authors
            }
            let before = try await authors(["one", "two"])
            #expect(before.map { $0?["displayName"]?.text } == ["\u{5F20}\u{4E09}", "\u{738B}\u{4E94}"])
            #expect(try await importing(name).code == 0)
            let after = try await authors(["one", "two", "three"])
            #expect(Array(after.prefix(2)) == before && after[2]?["displayName"]?.text == "\u{674E}\u{56DB}")
            #expect(Set(after.map { $0?["id"]?.text }).count == 3)
        }

        @Test func `leaves out the posts of a banned author, and nothing else`() async throws {
            let one = try one.get()
            #expect(try await importing("one-banned-author", only: ["posts/first.md"]).code == 0)
            #expect(try await one.system.annals("users", "deactivate", "banned@import.invalid").code == 0)
            let result = try await importing("one-banned-author")
            #expect(result.code == 1)
            let lines = result.output.split(separator: "\n").filter { $0.contains("not imported") && $0.hasPrefix("posts/") }
            #expect(lines == ["posts/m-banned.md: not imported: its author's account is not active"], "\(result.output)")
            #expect(try await post("good-01").status == 200)
            #expect(try await post("good-02").status == 200)
            #expect(try await post("m-banned").status == 404)
        }

        @Test func `removes control characters, with a line for each file`() async throws {
            let owner = try await one.get().person("cleaner")
            let result = try await importing("control-characters", as: owner.username)
            #expect(result.code == 0 && result.output.contains("3 created (0 as drafts)"), "\(result.output)")
            for file in ["ff", "title-two-lines", "vt"] { #expect(result.output.contains("posts/\(file).md: "), "\(result.output)") }
            let posts = try await posts(of: owner)
            #expect(posts["ff"]?["excerpt"]?.text == "a\nb\n" && posts["vt"]?["excerpt"]?.text == "a\nb\n")
            #expect(posts["title-two-lines"]?["title"]?.text == "Two lines")
        }

        @Test(arguments: [
            ("other-scripts", ["\u{41F}\u{440}\u{438}\u{432}\u{435}\u{442}": "privet", "\u{4F60}\u{597D}": "ni-hao"]),
            ("letters", ["c\u{153}ur": "coeur", "yaz\u{131}l\u{131}m": "yazilim"]),
        ])
        func `makes the slugs that the API makes, and the same ones each time`(name: String, slugs: [String: String]) async throws {
            let owner = try await one.get().person(name == "letters" ? "lettrist" : "polyglot")
            #expect(try await importing(name, as: owner.username).code == 0)
            let first = try await posts(of: owner)
            #expect(Set(first.keys) == Set(slugs.values))
            let again = try await importing(name, as: owner.username)
            #expect(again.code == 0 && again.output.contains("0 created (0 as drafts), 0 updated, 2 unchanged"), "\(again.output)")
            for (title, slug) in slugs {
                #expect(first[slug]?["title"]?.text == title)
                // Taken by the import: the API's gets a number.
                let made = try await owner.client.call(.POST, "/posts", json: #"{"title":"\#(title)","content":"x"}"#)
                #expect(made.data["slug"]?.text?.hasPrefix(slug + "-") == true)
            }
        }

        @Test func `tells translations apart and leaves out what belongs to a page`() async throws {
            let owner = try await one.get().person("translator")
            let result = try await importing("language-bundles", as: owner.username)
            #expect(result.code == 0, "\(result.output)")
            #expect(Set(try await posts(of: owner).keys) == ["hello", "hello-fr", "other"])
        }

        @Test func `reads the dates that say one day, and publishes none as of today`() async throws {
            let owner = try await one.get().person("chronicler")
            let result = try await importing("dates", as: owner.username)
            #expect(result.code == 0 && result.output.contains("6 created (1 as drafts)"), "\(result.output)")
            #expect(result.output.contains(#"posts/d07.md: stays a draft: its date "05/01/2016" can't be read"#), "\(result.output)")
            let posts = try await posts(of: owner)
            for (slug, time) in ["d01": "10:00", "d02": "00:00", "d04": "00:00", "d05": "10:00", "d12": "15:00"] {
                #expect(posts[slug]?["publishedAt"]?.text == "2016-01-05T\(time):00.000Z", "\(slug)")
            }
            #expect(posts["d07"]?["published"] == .bool(false))
        }

        @Test func `reads the date from the path where it stands there`() async throws {
            let result = try await importing("date-in-path")
            #expect(result.code == 0, "\(result.output)")
            #expect(try await post("some-release-1-0").data["publishedAt"]?.text == "2014-09-15T00:00:00.000Z")
        }
    }
}
