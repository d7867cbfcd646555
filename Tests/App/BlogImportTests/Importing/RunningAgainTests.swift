import EventSourcing
import Foundation
import Synchronization
import Testing

@testable import BlogImport

@Suite(.timeLimit(.minutes(5))) struct `Importing again` {
    private let three = blog(["1.md": post("one"), "2.md": post("two"), "3.md": post("three")])

    private func changed(_ text: String = "Another text", isPublic: Bool = true) -> Blog {
        blog(["1.md": post("one", text: text, isPublic: isPublic), "2.md": post("two"), "3.md": post("three")])
    }

    @Test func `adds nothing, and asks for nothing but whether the token is good`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        let before = system.requests.count
        let (summary, lines) = try await system.importing(three)
        #expect(summary.unchanged == 3 && summary.created + summary.updated + summary.failed == 0)
        #expect(system.requests.count == before + 1)
        #expect(lines.isEmpty)
    }

    @Test func `brings nothing back, doubles nothing and reverses nothing`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        system.change("one", "PostUnpublished") { $0.isPublic = false }
        system.change("two", "PostEdited") { $0.slug = "another" }
        system.change("three", "PostDeleted") { $0.isDeleted = true }
        let (summary, lines) = try await system.importing(
            blog(["1.md": post("one"), "2.md": post("two", text: "One word more"), "3.md": post("three")]), update: true)
        #expect(system.posts.map(\.slug) == ["one", "another"])
        #expect(system.posts.map(\.isPublic) == [false, true])
        #expect(system.posts.map(\.content) == ["Text", "Text"])
        #expect(summary.unchanged == 1 && summary.told == 2 && summary.failed == 0)
        #expect(
            lines == [
                "posts/2.md: was changed here and in the folder; the post stays as it is",
                "posts/3.md: was deleted here; it is not imported again",
            ])
    }

    @Test func `tells of a changed file, and changes its post only when asked to`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        let (told, lines) = try await system.importing(changed())
        #expect(told.told == 1 && system.posts[0].content == "Text")
        #expect(lines == ["posts/1.md: was changed since it was imported; --update changes the post"])

        let (updated, _) = try await system.importing(changed(), update: true)
        #expect(updated.updated == 1 && system.posts.map(\.content) == ["Another text", "Text", "Text"])
        let (again, _) = try await system.importing(changed(), update: true)
        #expect(again.unchanged == 3)
    }

    @Test func `hides a post whose file has become a draft before it changes the text`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        try await system.importing(changed("Secret", isPublic: false), update: true)
        #expect(system.posts[0].isPublic == false && system.posts[0].content == "Secret")
        #expect(system.posts[0].entries.suffix(2).map(\.type) == ["PostUnpublished", "PostEdited"])
        try await system.importing(changed("Public", isPublic: true), update: true)
        #expect(system.posts[0].isPublic && system.posts[0].content == "Public")
    }

    @Test func `publishes a draft of its own when its date has come`() async throws {
        let system = RecordedSystem()
        func blogOf(_ visibility: Visibility) -> Blog {
            blog([
                "1.md": BlogPost(
                    slug: "one", namesItsSlug: true, language: nil, title: "T", authors: ["ann"], date: Timestamp(milliseconds: 0),
                    visibility: visibility,
                    asksToBePublic: true, content: "x", images: [])
            ])
        }
        try await system.importing(blogOf(.draft(because: "its date lies ahead")))
        #expect(system.posts.map(\.isPublic) == [false])
        let (summary, _) = try await system.importing(blogOf(.everyone))
        #expect(summary.updated == 1 && system.posts.map(\.isPublic) == [true])
        system.change("one", "PostUnpublished") { $0.isPublic = false }
        try await system.importing(blogOf(.everyone))
        #expect(system.posts.map(\.isPublic) == [false])
    }

    @Test func `tells of a post that has expired, and hides it only when asked to`() async throws {
        let system = RecordedSystem()
        func blogOf(_ visibility: Visibility) -> Blog {
            blog([
                "1.md": BlogPost(
                    slug: "one", namesItsSlug: true, language: nil, title: "T", authors: ["ann"], date: Timestamp(milliseconds: 0),
                    visibility: visibility, asksToBePublic: true, content: "x", images: [])
            ])
        }
        try await system.importing(blogOf(.everyone))
        let (told, lines) = try await system.importing(blogOf(.draft(because: "it expired")))
        #expect(told.told == 1 && system.posts.map(\.isPublic) == [true])
        #expect(lines == ["posts/1.md: has expired, and its post is public; --update hides it"])
        try await system.importing(blogOf(.draft(because: "it expired")), update: true)
        #expect(system.posts.map(\.isPublic) == [false])
        let (again, _) = try await system.importing(blogOf(.draft(because: "it expired")), update: true)
        #expect(again.unchanged == 1)
    }

    @Test func `does not write over what is changed while it runs`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        let plan = system.plan(changed(), update: true)
        system.change("one", "PostEdited") { $0.content = "Mine" }
        let summary = try await Importer(client: system.client).run(plan)
        #expect(summary.failed == 1 && system.posts[0].content == "Mine")
    }

    @Test func `changes an address that the file says, and keeps it where that is somebody's`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        try await system.importing(blog(["1.md": post("uno"), "2.md": post("two"), "3.md": post("three")]), update: true)
        #expect(system.posts[0].slug == "uno")
        let (summary, lines) = try await system.importing(
            blog(["1.md": post("two", text: "New"), "2.md": post("two"), "3.md": post("three")]), update: true)
        #expect(system.posts[0].slug == "uno" && system.posts[0].content == "New")
        #expect(summary.updated == 1)
        #expect(lines == ["posts/1.md: the slug two is taken in the system; the post keeps the one it has"])
    }

    @Test func `tells of files that are gone, and of a renamed one as what it is`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        let id = system.posts[2].id.lowercased
        let (summary, lines) = try await system.importing(blog(["1.md": post("one"), "2-renamed.md": post("two")]))
        #expect(system.posts.count == 3)
        #expect(summary.told == 2 && summary.created == 0 && summary.failed == 0)
        #expect(
            lines == [
                "posts/2-renamed.md: is the post of a file that was renamed", "post \(id): its file is no longer in the folder; the post stays",
            ])
    }

    @Test func `keeps two blogs apart by their names`() async throws {
        let system = RecordedSystem()
        try await system.importing(three, named: "first")
        let (summary, _) = try await system.importing(three, named: "second")
        #expect(summary.created == 3 && summary.told == 0)
        #expect(system.posts.count == 6 && system.users.count == 2)
    }

    @Test func `says that a folder without any earlier file may be another blog`() async throws {
        let system = RecordedSystem()
        try await system.importing(three)
        let (_, lines) = try await system.importing(blog(["x.md": post("x")]))
        #expect(lines.first == "none of the 3 files imported before is here; another blog wants a name of its own, with --blog")
    }

    @Test func `says that a post keeps its author`() async throws {
        let system = RecordedSystem()
        try await system.importing(blog(["1.md": post("one")]))
        let (_, lines) = try await system.importing(blog(["1.md": post("one", by: ["bob"], text: "New")]), update: true)
        #expect(lines == ["posts/1.md: names another author now; a post keeps its author"])
        #expect(system.users.count == 1 && system.posts[0].content == "New")
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Taking an import back` {
    private let three = blog(["1.md": post("one"), "2.md": post("two"), "3.md": post("three")])

    @Test func `deletes what it made and nobody has touched`() async throws {
        let system = RecordedSystem()
        let id = UUID.v7()
        try await system.importing(three, id: id)
        try await system.importing(blog(["1.md": post("one"), "2.md": post("two"), "3.md": post("three"), "4.md": post("four")]))
        system.change("two", "PostEdited") { $0.content = "Mine" }
        let summary = try await #require(ImportReversal(of: id, in: system.streams)).run(system.client)
        #expect(summary == ImportReversal.Summary(deleted: 2, kept: 1, failed: 0))
        #expect(system.posts.map(\.slug) == ["two", "four"])
    }

    @Test func `twice finds nothing left, and importing again brings the posts back to the same authors`() async throws {
        let system = RecordedSystem()
        let id = UUID.v7()
        try await system.importing(three, id: id)
        let author = system.posts[0].author
        _ = try await #require(ImportReversal(of: id, in: system.streams)).run(system.client)
        let second = try await #require(ImportReversal(of: id, in: system.streams)).run(system.client)
        #expect(second == ImportReversal.Summary())
        #expect(system.posts.isEmpty)
        let (summary, _) = try await system.importing(three)
        #expect(summary.created == 3 && system.posts.allSatisfy { $0.author == author } && system.users.count == 1)
    }

    @Test func `is told apart from an import that never was`() async throws {
        let system = RecordedSystem()
        let id = UUID.v7()
        try await system.importing(three, id: id)
        #expect(ImportReversal(of: .v7(), in: system.streams) == nil)
        #expect(ImportReversal.imports(in: system.streams).map { "\($0.id.lowercased) \($0.posts)" } == ["\(id.lowercased) 3"])
    }

    @Test func `fails for the posts of an account that is not active`() async throws {
        let system = RecordedSystem()
        let id = UUID.v7()
        try await system.importing(three, id: id)
        system.state.withLock { $0.users[0].isActive = false }
        let summary = try await #require(ImportReversal(of: id, in: system.streams)).run(system.client)
        #expect(summary.failed == 3)
    }
}
