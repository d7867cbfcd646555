import EventSourcing
import Foundation
import Publishing
import Synchronization
import Testing

@testable import BlogImport

private let cases = URL(filePath: #filePath).appending(path: "../../../../../shared/cases/import").standardized.path

/// Small blogs that an import once got wrong. The folder stands next to the repository; where it does not, the other suites hold the same rules.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: cases)))
struct `A blog that was once imported wrongly` {
    private let now = Timestamp("2026-11-21T00:00:00Z") ?? .now

    private func read(_ name: String, only files: Set<String>? = nil) throws -> Blog {
        let blog = try Blog.read(path: cases + "/" + name, now: now)
        guard let files else { return blog }
        return Blog(files: blog.files.filter { files.contains($0.path) }, displayNames: blog.displayNames, remarks: blog.remarks)
    }

    @Test(arguments: [("drafts-in-other-heads", 5), ("keys-in-capitals", 2), ("not-now", 2)])
    func `stays a draft, with a line, when its head says so in whatever form`(name: String, count: Int) async throws {
        let system = RecordedSystem()
        let blog = try read(name)
        let (summary, lines) = try await system.importing(blog)
        #expect(summary.created == count && summary.drafts == count)
        #expect(system.posts.allSatisfy { !$0.isPublic })
        for file in blog.files {
            #expect(lines.contains { $0.hasPrefix("\(file.path): stays a draft: ") })
            #expect(file.post.map { !$0.content.contains("draft") && !$0.content.contains("---") } == true)
            #expect(!file.remarks.contains { $0.hasPrefix("has no title") })
        }
    }

    @Test func `is left alone where it was changed since`() async throws {
        let system = RecordedSystem()
        let blog = try read("run-again")
        try await system.importing(blog)
        system.change("post-one", "PostUnpublished") { $0.isPublic = false }
        system.change("post-two", "PostEdited") { $0.slug = "mine" }
        system.change("post-three", "PostDeleted") { $0.isDeleted = true }
        let files = blog.files.map { file in
            file.post.map { post in
                BlogFile(
                    path: file.path,
                    outcome: .post(
                        BlogPost(
                            slug: post.slug, namesItsSlug: true, language: nil, title: post.title, authors: post.authors, date: post.date,
                            visibility: .everyone,
                            asksToBePublic: true, content: post.slug == "post-two" ? "Another body." : post.content, images: [])), remarks: [])
            } ?? file
        }
        let (summary, lines) = try await system.importing(Blog(files: files, displayNames: [:], remarks: []))
        #expect(summary.created + summary.updated + summary.failed == 0)
        #expect(system.posts.map(\.slug).sorted() == ["mine", "post-one"])
        #expect(system.posts.first { $0.slug == "post-one" }?.isPublic == false)
        #expect(lines.contains { $0.hasPrefix("posts/two.md: was changed here and in the folder") })
    }

    @Test func `keeps its slug though an older post comes that wants it`() async throws {
        let system = RecordedSystem()
        try await system.importing(try read("slug-of-another", only: ["posts/a.md"]))
        try await system.importing(try read("slug-of-another"))
        #expect(system.posts.map(\.content) == ["I am A.\n", "I am B.\n"])
        #expect(system.posts.map(\.slug) == ["notes", "notes-2019-01-01"])
        #expect(system.posts[0].entries.count == 1)
    }

    @Test func `gives strangers no posts and no names`() async throws {
        let system = RecordedSystem()
        let strangers = [system.registered("unknown"), system.registered("jane", displayName: "A stranger")]
        let (summary, _) = try await system.importing(try read("accounts-of-strangers"))
        #expect(summary.created == 2)
        #expect(system.posts.allSatisfy { !strangers.contains($0.author) })
        #expect(system.users.prefix(2).map(\.displayName) == [nil, "A stranger"])
        #expect(system.users.contains { $0.displayName == "Jane of the blog" && $0.email.hasSuffix("@import.invalid") })
    }

    @Test func `keeps authors apart whose names fold to nothing`() async throws {
        let system = RecordedSystem()
        try await system.importing(try read("names-that-fold-to-nothing", only: ["posts/one.md", "posts/two.md"]))
        let before = system.users.map(\.displayName)
        try await system.importing(try read("names-that-fold-to-nothing"))
        #expect(Array(system.users.map(\.displayName).prefix(2)) == before)
        #expect(Set(system.posts.map(\.author)).count == 3)
        #expect(Set(system.users.map(\.username)).count == 3)
    }

    @Test func `loses only the posts of the author who is banned`() async throws {
        let system = RecordedSystem()
        try await system.importing(try read("one-banned-author", only: ["posts/first.md"]))
        system.state.withLock { $0.users[0].isActive = false }
        let (summary, lines) = try await system.importing(try read("one-banned-author"))
        #expect(summary.created == 2 && summary.failed == 1)
        #expect(lines == ["posts/m-banned.md: not imported: its author's account is not active"])
    }

    @Test func `has its control characters removed, with a line`() async throws {
        let (summary, lines) = try await RecordedSystem().importing(try read("control-characters"))
        #expect(summary.created == 3 && summary.failed == 0 && lines.count == 3)
        let contents = try read("control-characters").posts.map(\.content)
        #expect(contents == ["a\nb\n", "x\n", "a\nb\n"])
        #expect(try read("control-characters").posts[1].title == "Two lines")
    }

    @Test func `has slugs that tell posts in other scripts apart`() throws {
        let slugs = try read("other-scripts").posts.map(\.slug)
        #expect(Set(slugs).count == 2)
        let again = try read("other-scripts").posts.map(\.slug)
        #expect(slugs == again)
        #expect(slugs == ["privet", "ni-hao"])
        #expect(slugs == ["\u{43F}\u{440}\u{438}\u{432}\u{435}\u{442}", "\u{4F60}\u{597D}"].map { Slug(for: $0).text })
    }

    @Test func `has the slugs that the API makes`() throws {
        let posts = try read("letters").posts
        #expect(posts.map(\.slug) == ["coeur", "yazilim"])
        #expect(posts.map(\.slug) == posts.map { Slug(for: $0.title).text })
    }

    @Test func `has its translations told apart, and the resource left out`() async throws {
        let system = RecordedSystem()
        let blog = try read("language-bundles")
        try await system.importing(blog)
        #expect(Set(system.posts.map(\.slug)) == ["hello", "hello-fr", "other"])
        #expect(blog.files.first { $0.path.hasSuffix("notes.md") }?.outcome == .notPost(because: "belongs to the page content/posts/other/index.md"))
    }

    @Test func `is dated where its date is unambiguous, and else a draft`() throws {
        let posts = Dictionary(uniqueKeysWithValues: try read("dates").files.compactMap { file in file.post.map { (file.path, $0) } })
        let dates = ["d01": "10:00", "d02": "00:00", "d04": "00:00", "d05": "10:00", "d12": "15:00"]
        for (name, time) in dates {
            #expect(posts["posts/\(name).md"]?.date?.description == "2016-01-05T\(time):00.000Z")
            #expect(posts["posts/\(name).md"]?.visibility == .everyone)
        }
        #expect(posts["posts/d07.md"]?.visibility == .draft(because: "its date \"05/01/2016\" can't be read"))
        #expect(posts.count == 6)
    }

    @Test func `is dated by its path where that says so`() throws {
        let post = try #require(try read("date-in-path").posts.first)
        #expect(post.date?.description == "2014-09-15T00:00:00.000Z")
        #expect(post.slug == "some-release-1-0" && post.visibility == .everyone)
    }
}
