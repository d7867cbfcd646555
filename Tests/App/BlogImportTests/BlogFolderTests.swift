import EventSourcing
import Foundation
import Testing

@testable import BlogImport

@Suite struct `A folder of posts` {
    private let now = Timestamp("2026-11-21T00:00:00Z") ?? .now

    private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "blog-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        for (path, text) in files {
            let file = root.appending(path: path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        try body(root.path)
    }

    private func post(_ title: String = "T", date: String = "2020-01-01") -> String {
        "---\ntitle: \(title)\nauthor: ann\ndate: \(date)\n---\nBody of \(title)\n"
    }

    @Test func `is looked for where Jekyll, Zola and Hugo keep posts`() throws {
        let files = [
            "_posts/2020-01-01-a.md": post(), "_posts/old/2020-01-02-b.markdown": post(), "content/_index.md": post(),
            "content/blog/c/index.md": post(),
            "content/blog/_index.md": post(), "README.md": post(), "d.md": post(), "_posts/.hidden.md": post(), "_posts/picture.png": "x",
        ]
        try withFolder(files) { root in
            let blog = try BlogFolder.read(path: root, now: now)
            #expect(blog.posts.map(\.slug) == ["a", "b", "c"])
        }
    }

    @Test func `is itself the place where there is no other`() throws {
        try withFolder(["x.md": post(), "README.md": "r", "LICENSE.md": "l", "sub/y.md": post()]) { root in
            let blog = try BlogFolder.read(path: root, now: now)
            #expect(blog.posts.map(\.file) == ["x.md"])
        }
    }

    @Test func `is refused when it is none or has no posts`() throws {
        #expect(throws: BlogFolderError.notAFolder("/nowhere/at/all")) { try BlogFolder.read(path: "/nowhere/at/all") }
        try withFolder(["README.md": "r"]) { root in
            #expect(throws: BlogFolderError.noPosts(root)) { try BlogFolder.read(path: root) }
        }
    }

    @Test func `gives posts of one slug their date, then a number, the oldest first`() throws {
        let files = [
            "posts/a/same.md": post(date: "2021-05-05"), "posts/b/same.md": post(date: "2021-05-05"), "posts/c/same.md": post(date: "2020-01-01"),
            "posts/d/same.md": post(date: "2021-05-05"),
        ]
        try withFolder(files) { root in
            let blog = try BlogFolder.read(path: root, now: now)
            #expect(blog.posts.map(\.slug) == ["same-2021-05-05", "same-2021-05-05-2", "same", "same-2021-05-05-3"])
            #expect(blog.oddities.count == 3)
        }
    }

    @Test(arguments: [
        ("authors.yml", "ann:\n  name: Ann Lee\n"), ("_data/authors.yml", "ann: Ann Lee\n"), ("authors.toml", "[ann]\nname = \"Ann Lee\"\n"),
    ]) func `names its authors from its list of them`(path: String, text: String) throws {
        try withFolder(["posts/a.md": post(), path: text]) { root in
            let blog = try BlogFolder.read(path: root, now: now)
            #expect(blog.authors == [BlogAuthor(key: "ann", username: "ann", displayName: "Ann Lee")])
            #expect(blog.oddities.isEmpty)
        }
    }

    @Test func `with a broken list of authors uses their keys and says so`() throws {
        try withFolder(["posts/a.md": post(), "authors.yml": "ann: [\n"]) { root in
            let blog = try BlogFolder.read(path: root, now: now)
            #expect(blog.authors.map(\.displayName) == ["ann"])
            #expect(blog.oddities.map(\.file) == ["authors.yml"])
        }
    }

    @Test func `counts files that can't become posts`() throws {
        try withFolder(["posts/a.md": post(), "posts/b.md": "---\ntitle: T\n", "posts/c.md": ""]) { root in
            let blog = try BlogFolder.read(path: root, now: now)
            #expect(blog.posts.count == 1)
            #expect(blog.skipped == 2)
        }
    }
}

private let swiftBlog = URL(filePath: #filePath).appending(path: "../../../../../shared/data/swift-org-blog").standardized.path

/// Ten years of front matter by many hands. The folder stands next to the repository; where it does not, there is nothing to read.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: swiftBlog)))
struct `The Swift project's blog` {
    private let blog: BlogFolder

    init() throws {
        blog = try BlogFolder.read(path: swiftBlog, now: Timestamp("2026-11-21T00:00:00Z") ?? .now)
    }

    @Test func `is read whole`() {
        #expect(blog.posts.count == 172)
        #expect(blog.skipped == 0)
        #expect(Set(blog.posts.map(\.slug)).count == 172)
        #expect(blog.posts.allSatisfy { $0.date != nil && $0.isPublished })
    }

    @Test func `has 111 named authors and one unknown`() {
        #expect(blog.authors.count == 112)
        #expect(Set(blog.authors.map(\.username)).count == 112)
        #expect(blog.authors.first { $0.key == "vrylko" }?.displayName == "Vojtěch Rylko")
        #expect(blog.authors.first { $0.key == "0xTim" }?.username == "0xtim")
        #expect(blog.posts.count { $0.authors == ["unknown"] } == 3)
    }

    @Test func `has six oddities`() {
        #expect(
            Set(blog.oddities.map(\.description)) == [
                "posts/2015-12-03-swift-3-api-design.md: has no author; unknown owns it",
                "posts/2015-12-03-swift-linux-port.md: has no author; unknown owns it",
                "posts/2015-12-03-welcome.md: has no author; unknown owns it",
                "posts/2017-3-27-swift-3.1-released.md: its author allendenison is not in authors.yml; the key serves as the name",
                "posts/2022-03-14-swift-5.6-released.md: published stands twice in the front matter; the last one counts",
                "posts/2024-02-13-summer-of-code-2023-summary.md: category stands twice in the front matter; the last one counts",
            ])
        #expect(blog.oddities.count == 6)
    }

    @Test(arguments: [
        ("swift-3-0-released", "2016-09-13T12:00:00.000Z"), ("swift-2-2-release-process", "2016-01-05T18:00:00.000Z"),
        ("swift-api-transformation", "2016-01-29T00:00:00.000Z"), ("whats-new-in-swift-may-2026", "2026-06-03T17:45:00.000Z"),
    ]) func `keeps the original dates, zeros missing or not`(slug: String, date: String) {
        #expect(blog.posts.first { $0.slug == slug }?.date?.description == date)
    }
}
