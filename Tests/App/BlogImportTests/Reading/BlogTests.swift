import EventSourcing
import Foundation
import Testing

@testable import BlogImport

@Suite struct `A folder of posts` {
    private let now = Timestamp("2026-11-21T00:00:00Z") ?? .now

    private func post(_ title: String = "T", date: String = "2020-01-01") -> String {
        "---\ntitle: \(title)\nauthor: ann\ndate: \(date)\n---\nBody of \(title)\n"
    }

    private func outcome(_ blog: Blog, _ path: String) -> BlogFile.Outcome? { blog.files.first { $0.path == path }?.outcome }

    @Test func `is looked for where Jekyll, Zola and Hugo keep posts`() throws {
        let files = [
            "_posts/2020-01-01-a.md": post(), "_posts/old/2020-01-02-b.markdown": post(), "content/_index.md": post(),
            "content/blog/c/index.md": post(), "content/blog/_index.md": post(), "README.md": post(), "d.md": post(), "_posts/.hidden.md": post(),
            "_posts/picture.png": "x", "_drafts/e.md": post(),
        ]
        try withBlogFolder(files) { root in
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.posts.map(\.slug) == ["e", "a", "b", "c"])
            #expect(blog.files.count == 6)
        }
    }

    @Test func `is itself the place where there is no other`() throws {
        try withBlogFolder(["x.md": post(), "README.md": "r", "LICENSE.md": "l", "sub/y.md": post()]) { root in
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.files.filter { $0.post != nil }.map(\.path) == ["x.md"])
        }
    }

    @Test func `that can't be read is an error, and not a blog without posts`() throws {
        try withBlogFolder(["README.md": "r"]) { root in
            // Even root can't follow it.
            try FileManager.default.createSymbolicLink(atPath: root + "/content", withDestinationPath: "content")
            let error = #expect(throws: BlogError.self) { try Blog.read(path: root) }
            guard case .unreadable(root + "/content", _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        try withBlogFolder(["posts/a.md": post()]) { root in
            try FileManager.default.createSymbolicLink(atPath: root + "/content", withDestinationPath: "content")
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.posts.map(\.slug) == ["a"])
            guard case .skipped(let reason)? = outcome(blog, "content") else { Issue.record("content is not told"); return }
            #expect(reason.hasPrefix("the folder can't be read"))
        }
    }

    @Test func `is read past a name that can't be looked at`() throws {
        try withBlogFolder(["posts/a.md": post()]) { root in
            // Deep enough for a path that is too long to look at, in a folder that can be read.
            var folder = root + "/posts"
            while folder.utf8.count < 3_845 { folder += "/" + String(repeating: "d", count: 200) }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let descriptor = open(folder, O_RDONLY | O_DIRECTORY)
            defer { close(descriptor) }
            let long = String(repeating: "b", count: 250) + ".md"
            for (name, text) in [(long, post()), ("z.md", post())] {
                let file = openat(descriptor, name, O_CREAT | O_WRONLY, 0o600)
                #expect(file >= 0 && write(file, text, text.utf8.count) == text.utf8.count)
                close(file)
            }
            defer { unlinkat(descriptor, long, 0) }
            try #require(folder.utf8.count + 1 + long.utf8.count > 4_096)
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.posts.count == 2)
            #expect(blog.files.contains { $0.path.hasSuffix(long) && $0.outcome == .skipped(because: "can't be looked at: File name too long") })
        }
    }

    @Test func `is refused when it is none or has no posts`() throws {
        #expect(throws: BlogError.notAFolder("/nowhere/at/all")) { try Blog.read(path: "/nowhere/at/all") }
        try withBlogFolder(["README.md": "r"]) { root in
            #expect(throws: BlogError.noPosts(root)) { try Blog.read(path: root) }
            #expect(throws: BlogError.notAFolder(root + "/README.md")) { try Blog.read(path: root + "/README.md") }
        }
    }

    @Test(arguments: [
        ("authors.yml", "ann:\n  name: Ann Lee\n"), ("_data/authors.yml", "ann: Ann Lee\n"), ("authors.toml", "[ann]\nname = \"Ann Lee\"\n"),
    ]) func `names its authors from its list of them`(path: String, text: String) throws {
        try withBlogFolder(["posts/a.md": post(), path: text]) { root in
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.displayNames["ann"] == "Ann Lee")
            #expect(blog.remarks.isEmpty)
        }
    }

    @Test func `with a broken list of authors uses their keys and says so`() throws {
        try withBlogFolder(["posts/a.md": post(), "authors.yml": "ann: [\n"]) { root in
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.displayNames.isEmpty)
            #expect(blog.remarks.map { $0.prefix(12) } == ["authors.yml:"])
        }
    }

    @Test func `names the file that names an author whom the list does not`() throws {
        try withBlogFolder(["posts/a.md": post(), "authors.yml": "bob: Bob\n"]) { root in
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.remarks == ["posts/a.md: its author ann is not in authors.yml; the key serves as the name"])
        }
    }

    @Test func `says of each file that can't become a post why`() throws {
        let files = [
            "posts/a.md": post(), "posts/b.md": "---\ntitle: T\n", "posts/c.md": "", "posts/d.html": post(),
            "posts/e.html": "<p>An embedded page</p>",
            "posts/README.md": post(), "posts/f.md": "---\nlayout: page\n---\nx",
        ]
        try withBlogFolder(files) { root in
            let blog = try Blog.read(path: root, now: now)
            #expect(outcome(blog, "posts/b.md") == .skipped(because: "the front matter opens with --- and never closes"))
            #expect(outcome(blog, "posts/c.md") == .skipped(because: "has no content"))
            #expect(outcome(blog, "posts/d.html") == .skipped(because: "is not Markdown"))
            #expect(outcome(blog, "posts/e.html") == nil)
            #expect(outcome(blog, "posts/README.md") == .notPost(because: "is a page of the site or of the project"))
            #expect(outcome(blog, "posts/f.md") == .notPost(because: "is a page, not a post"))
        }
    }

    @Test func `keeps translations, and leaves out what belongs to a page`() throws {
        let files = [
            "content/blog/hello/index.en.md": post(), "content/blog/hello/index.fr.md": post(), "content/blog/other/index.md": post(),
            "content/blog/other/notes.md": "Notes", "content/blog/other/more/x.md": post(), "content/blog/plain.md": post(), "posts/index.md": post(),
            "posts/beside.md": post(),
        ]
        try withBlogFolder(files) { root in
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.files.filter { $0.post?.slug == "hello" }.map(\.post?.language) == ["en", "fr"])
            #expect(outcome(blog, "content/blog/other/notes.md") == .notPost(because: "belongs to the page content/blog/other/index.md"))
            #expect(outcome(blog, "content/blog/other/more/x.md") == .notPost(because: "belongs to the page content/blog/other/index.md"))
            #expect(Set(blog.posts.map(\.slug)) == ["hello", "other", "plain", "posts", "beside"])
        }
    }

    @Test func `follows links inside it once, and none out of it`() throws {
        let files = ["posts/a.md": post(), "shared/b.md": post(), "outside.md": "x"]
        try withBlogFolder(files) { root in
            try withBlogFolder(["secret.md": post(), "more/c.md": post()]) { elsewhere in
                let links = [
                    "posts/b.md": "../shared/b.md", "posts/again.md": "a.md", "posts/up": "..", "posts/self": "../posts",
                    "posts/secret.md": elsewhere + "/secret.md",
                    "posts/more": elsewhere + "/more", "posts/lost.md": "nothing.md", "posts/loop.md": "loop.md",
                    "posts/picture.png": elsewhere + "/secret.md",
                ]
                for (link, target) in links { try FileManager.default.createSymbolicLink(atPath: root + "/" + link, withDestinationPath: target) }
                let blog = try Blog.read(path: root, now: now)
                #expect(blog.files.filter { $0.post != nil }.map(\.path) == ["posts/a.md", "posts/b.md"])
                #expect(outcome(blog, "posts/again.md") == .notPost(because: "is a link to posts/a.md"))
                for path in ["posts/secret.md", "posts/more"] { #expect(outcome(blog, path) == .skipped(because: "is a link out of the folder")) }
                for path in ["posts/lost.md", "posts/loop.md"] {
                    guard case .skipped? = outcome(blog, path) else { Issue.record("\(path) is not told"); continue }
                }
                #expect(blog.files.count == 7)
            }
        }
    }

    @Test func `may itself be reached by a link`() throws {
        try withBlogFolder(["posts/a.md": post()]) { root in
            let link = root + "-link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: root)
            defer { try? FileManager.default.removeItem(atPath: link) }
            let blog = try Blog.read(path: link, now: now)
            #expect(blog.posts.count == 1)
        }
    }

    @Test func `may have names in any encoding`() throws {
        try withBlogFolder(["posts/a.md": post()]) { root in
            // "café" in Latin-1, and decomposed in UTF-8.
            for name in [[0x63, 0x61, 0x66, 0xE9] as [UInt8], Array("cafe\u{301}2".utf8)] {
                let path = Array((root + "/posts/").utf8) + name + Array(".md".utf8)
                let file = (path + [0]).withUnsafeBufferPointer { $0.withMemoryRebound(to: CChar.self) { fopen($0.baseAddress!, "w") } }
                fputs(post(), file)
                fclose(file)
            }
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.files.map(\.path) == ["posts/a.md", "posts/caf\u{E9}2.md", "posts/caf\u{E9}.md"])
            #expect(blog.posts.map(\.slug) == ["a", "cafe2", "cafe"])
        }
    }

    @Test func `may have texts that are not UTF-8, and says so`() throws {
        try withBlogFolder(["posts/a.md": post()]) { root in
            try Data(Array("---\ntitle: T\nauthor: a\n---\n".utf8) + [0x63, 0xE9]).write(to: URL(fileURLWithPath: root + "/posts/b.md"))
            try Data([0xFF, 0xFE, 0x41, 0x00]).write(to: URL(fileURLWithPath: root + "/posts/c.md"))
            let blog = try Blog.read(path: root, now: now)
            #expect(blog.files[1].remarks.first == "has bytes that are not UTF-8; they are replaced")
            #expect(blog.files[1].post?.content == "c\u{FFFD}")
            #expect(blog.files[2].outcome == .skipped(because: "is UTF-16, not UTF-8"))
        }
    }
}

private let swiftBlog = URL(filePath: #filePath).appending(path: "../../../../../../shared/data/swift-org-blog").standardized.path

/// Ten years of front matter by many hands. The folder stands next to the repository; where it does not, there is nothing to read.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: swiftBlog)))
struct `The Swift project's blog` {
    private let blog: Blog

    init() throws {
        blog = try Blog.read(path: swiftBlog, now: Timestamp("2026-11-21T00:00:00Z") ?? .now)
    }

    @Test func `is read whole`() {
        #expect(blog.posts.count == 172)
        #expect(blog.files.count == 172)
        #expect(Set(blog.posts.map(\.slug)).count == 172)
        #expect(blog.posts.allSatisfy { $0.date != nil && $0.visibility.isPublic })
    }

    @Test func `has 111 named authors and one unknown`() {
        #expect(Set(blog.posts.flatMap(\.authors)).count == 112)
        #expect(blog.displayNames["vrylko"] == "Vojtěch Rylko")
        #expect(blog.posts.count { $0.authors == ["unknown"] } == 3)
    }

    @Test func `needs six remarks`() {
        #expect(
            Set(blog.files.flatMap { file in file.remarks.map { "\(file.path): \($0)" } }) == [
                "posts/2015-12-03-swift-3-api-design.md: has no author; unknown owns it",
                "posts/2015-12-03-swift-linux-port.md: has no author; unknown owns it",
                "posts/2015-12-03-welcome.md: has no author; unknown owns it",
                "posts/2022-03-14-swift-5.6-released.md: published stands twice in the front matter; the last one counts",
                "posts/2024-02-13-summer-of-code-2023-summary.md: category stands twice in the front matter; the last one counts",
            ])
        #expect(blog.remarks == ["posts/2017-3-27-swift-3.1-released.md: its author allendenison is not in authors.yml; the key serves as the name"])
    }

    @Test(arguments: [
        ("swift-3-0-released", "2016-09-13T12:00:00.000Z"), ("swift-2-2-release-process", "2016-01-05T18:00:00.000Z"),
        ("swift-api-transformation", "2016-01-29T00:00:00.000Z"), ("whats-new-in-swift-may-2026", "2026-06-03T17:45:00.000Z"),
    ]) func `keeps the original dates, zeros missing or not`(slug: String, date: String) {
        #expect(blog.posts.first { $0.slug == slug }?.date?.description == date)
    }
}
