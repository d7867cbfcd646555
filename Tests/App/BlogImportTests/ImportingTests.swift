import EventSourcing
import Foundation
import JSON
import Logging
import Synchronization
import Testing

@testable import BlogImport

/// A small blog: six posts of two authors, one of them a draft.
private let blog: BlogFolder = {
    let posts = (1...6).map { number in
        BlogPost(
            file: "posts/\(number).md", slug: "post-\(number)", title: "Post \(number)",
            authors: number.isMultiple(of: 2) ? ["ann"] : ["bob", "ann"],
            date: Timestamp(milliseconds: Int64(number) * 86_400_000), isPublished: number != 6, content: "Text \(number)")
    }
    return BlogFolder(posts: posts, authors: BlogAuthor.named(["ann", "bob"], displayNames: ["ann": "Ann Lee"]), oddities: [], skipped: 0)
}()

private struct ConnectionReset: Error {}

@Suite struct `Importing a blog` {
    @Test func `makes authors and posts, publishes with the original date and leaves drafts`() async throws {
        let system = RecordedSystem()
        let summary = try await Importer(client: system.client).run(blog)
        #expect(Set(system.users.map(\.displayName)) == ["Ann Lee", "bob"])
        #expect(system.posts.count == 6)
        #expect(system.posts.first { $0.slug == "post-1" }?.publishedAt == "1970-01-02T00:00:00.000Z")
        #expect(system.posts.first { $0.slug == "post-6" }?.isPublished == false)
        let bob = system.users.first { $0.username == "bob" }?.id
        #expect(Set(system.posts.filter { $0.author == bob }.map(\.slug)) == ["post-1", "post-3", "post-5"])
        var expected = ImportSummary()
        (expected.read, expected.created, expected.published, expected.drafts, expected.authorsMade, expected.ofSeveralAuthors) = (6, 6, 5, 1, 2, 3)
        #expect(summary == expected)
    }

    @Test func `adds nothing the second time, and asks without being counted as a reader`() async throws {
        let system = RecordedSystem()
        _ = try await Importer(client: system.client).run(blog)
        let before = system.requests.count
        let summary = try await Importer(client: system.client).run(blog)
        #expect(summary.alreadyThere == 6)
        #expect(summary.created + summary.published + summary.authorsMade + summary.failed == 0)
        let again = system.requests.dropFirst(before)
        #expect(again.allSatisfy { $0.method == .get })
        #expect(again.allSatisfy { request in request.headers.contains { $0.name == "DNT" && $0.value == "1" } })
    }

    @Test(arguments: 0..<24) func `that stops after any number of requests is finished by the next run`(survived: Int) async throws {
        let system = RecordedSystem()
        let dying = APIClient(
            tokens: system.client.tokens,
            send: { request, token in
                if system.requests.count >= survived { throw ConnectionReset() }
                return try await system.client.send(request, token)
            }, clock: system.clock, logger: Logger(label: "test"))
        do {
            _ = try await Importer(client: dying, concurrency: 2).run(blog)
        } catch is ImportStopped {}
        let summary = try await Importer(client: system.client).run(blog)
        #expect(system.posts.count == 6)
        #expect(system.users.count == 2)
        #expect(system.posts.count(where: \.isPublished) == 5)
        #expect(system.users.contains { $0.displayName == "Ann Lee" })
        #expect(summary.failed == 0)
    }

    @Test func `reports each oddity and every step`() async throws {
        let notices = Mutex<[ImportNotice]>([])
        let odd = BlogFolder(posts: blog.posts, authors: blog.authors, oddities: [Oddity(file: "a.md", message: "odd")], skipped: 1)
        let summary = try await Importer(client: RecordedSystem().client) { notice in notices.withLock { $0.append(notice) } }.run(odd)
        let told = notices.withLock { $0 }
        #expect(told.first == .oddity(Oddity(file: "a.md", message: "odd")))
        #expect(told.dropFirst() == (1...8).map { ImportNotice.progress(completed: $0, total: 8) }[...])
        #expect(summary.skipped == 1)
    }

    @Test func `has no more requests under way than asked`() async throws {
        let system = RecordedSystem()
        _ = try await Importer(client: system.client, concurrency: 3).run(blog)
        #expect(system.state.withLock { $0.mostUnderWay } <= 3)
    }

    @Test func `of a refused post reports the fields and goes on with the others`() async throws {
        let system = RecordedSystem { request, _ in
            guard request.method == .post, request.path == "/posts", request.body?["slug"]?.text == "post-2" else { return nil }
            return RecordedSystem.problem(
                422, "VALIDATION_ERROR", details: [.object(["field": .string("title"), "message": .string("is too long")])])
        }
        let notices = Mutex<[ImportNotice]>([])
        let summary = try await Importer(client: system.client) { notice in notices.withLock { $0.append(notice) } }.run(blog)
        #expect(summary.failed == 1)
        #expect(summary.created == 5)
        #expect(
            notices.withLock { $0 }.contains(.oddity(Oddity(file: "posts/2.md", message: "not imported: 422 VALIDATION_ERROR: title is too long"))))
    }

    @Test func `without an account for an author leaves out what that author owns`() async throws {
        let system = RecordedSystem { request, _ in
            request.body?["username"]?.text == "bob" ? RecordedSystem.problem(422, "VALIDATION_ERROR") : nil
        }
        let summary = try await Importer(client: system.client).run(blog)
        #expect(summary.failed == 4)
        #expect(system.posts.count == 3)
    }

    @Test func `does not touch another author's post with the same slug`() async throws {
        let system = RecordedSystem()
        system.state.withLock { $0.posts.append(.init(id: .v7(), slug: "post-2", author: .v7())) }
        let summary = try await Importer(client: system.client).run(blog)
        #expect(summary.failed == 1)
        #expect(system.posts.first { $0.slug == "post-2" }?.isPublished == false)
    }
}

@Suite struct `A post that the read model does not show yet` {
    private func settle(hiddenFor lookups: Int, _ prepare: (inout RecordedSystem.Post) -> Void = { _ in }) async throws -> (
        ImportSummary, RecordedSystem
    ) {
        let system = RecordedSystem()
        _ = try await AuthorAccounts(client: system.client).settle(blog.authors[0])
        let ann = try #require(system.users.first?.id)
        var post = RecordedSystem.Post(id: .v7(), slug: "post-2", author: ann, hiddenFor: lookups)
        prepare(&post)
        system.state.withLock { $0.posts.append(post) }
        let one = BlogFolder(posts: [blog.posts[1]], authors: [blog.authors[0]], oddities: [], skipped: 0)
        return (try await Importer(client: system.client).run(one), system)
    }

    @Test func `is asked for again and published`() async throws {
        let (summary, system) = try await settle(hiddenFor: 4)
        #expect(summary.published == 1)
        #expect(summary.created == 0)
        #expect(system.posts.map(\.isPublished) == [true])
    }

    @Test func `is already there when it was published`() async throws {
        let (summary, _) = try await settle(hiddenFor: 2) { $0.isPublished = true }
        #expect(summary.alreadyThere == 1)
    }

    @Test func `is given up at last with the reason`() async throws {
        let (summary, system) = try await settle(hiddenFor: .max)
        #expect(summary.failed == 1)
        #expect(system.posts.count == 1)
    }

    @Test func `is made once although the answer was lost`() async throws {
        let lost = Mutex(false)
        let system = RecordedSystem(loss: { request, _ in
            guard request.method == .post, request.path == "/posts",
                lost.withLock({ first in
                    defer { first = true }; return !first
                })
            else { return }
            throw ConnectionReset()
        })
        let summary = try await Importer(client: system.client).run(blog)
        #expect(system.posts.count == 6)
        #expect(system.posts.count(where: \.isPublished) == 5)
        #expect(summary.failed == 0)
    }

    @Test func `has an idempotency key that fits the contract and covers its content`() {
        let slug = String(repeating: "s", count: 300)
        let key = PostPublication.idempotencyKey(for: slug, ["content": .string("a")])
        #expect(key == PostPublication.idempotencyKey(for: slug, ["content": .string("a")]))
        #expect(key != PostPublication.idempotencyKey(for: slug, ["content": .string("b")]))
        #expect(1...128 ~= key.utf8.count)
    }
}

@Suite struct `A registration whose answer was lost` {
    @Test func `finds its account again`() async throws {
        let system = RecordedSystem(loss: { request, number in
            if request.path == "/auth/register", number < 2 { throw ConnectionReset() }
        })
        let result = try await AuthorAccounts(client: system.client).settle(blog.authors[0])
        #expect(result.id == system.users.first?.id)
        #expect(result.id != nil)
        #expect(system.users.count == 1)
    }

    @Test func `has a password that the contract takes and that is never the same`() {
        let passwords = (0..<100).map { _ in RandomPassword.make() }
        #expect(passwords.allSatisfy { $0.count == 32 })
        #expect(Set(passwords).count == 100)
    }
}
