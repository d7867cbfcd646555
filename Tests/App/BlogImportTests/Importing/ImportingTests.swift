import EventSourcing
import Foundation
import JSON
import Logging
import Synchronization
import Testing

@testable import BlogImport

/// Six posts of two authors, one of them a draft.
private let small = blog(
    Dictionary(
        uniqueKeysWithValues: (1...6).map { number in
            ("\(number).md", post("post-\(number)", by: number.isMultiple(of: 2) ? ["ann"] : ["bob", "ann"], day: number, isPublic: number != 6))
        }), displayNames: ["ann": "Ann Lee"])

private struct ConnectionReset: Error {}

@Suite(.timeLimit(.minutes(5))) struct `Importing a blog` {
    @Test func `makes authors and posts, publishes with the original date and leaves drafts`() async throws {
        let system = RecordedSystem()
        let (summary, lines) = try await system.importing(small)
        #expect(Set(system.users.map(\.displayName)) == ["Ann Lee", "bob"])
        #expect(system.users.allSatisfy { $0.email.hasSuffix("@import.invalid") })
        #expect(system.posts.count == 6)
        #expect(system.posts.first { $0.slug == "post-1" }?.publishedAt == "1970-01-02T00:00:00.000Z")
        #expect(system.posts.first { $0.slug == "post-6" }?.isPublic == false)
        let bob = system.users.first { $0.username == "bob" }?.id
        #expect(Set(system.posts.filter { $0.author == bob }.map(\.slug)) == ["post-1", "post-3", "post-5"])
        var expected = ImportSummary()
        (expected.read, expected.created, expected.drafts, expected.authorsMade, expected.ofSeveralAuthors) = (6, 6, 1, 2, 3)
        #expect(summary == expected)
        #expect(lines.isEmpty)
    }

    @Test func `says with each event which import, blog, file, author and text it comes from`() async throws {
        let system = RecordedSystem()
        let id = UUID.v7()
        try await system.importing(small, id: id)
        let origins = system.posts.flatMap(\.entries).map(\.metadata.origin)
        #expect(origins.allSatisfy { $0?.id == id })
        #expect(Set(origins.map(\.?.source)).count == 6)
        #expect(Set(origins.map(\.?.author)).count == 2)
        #expect(Set(origins.map(\.?.collection)).count == 1)
    }

    @Test(arguments: 0..<24) func `that stops after any number of requests is finished by the next run`(survived: Int) async throws {
        let system = RecordedSystem()
        let dying = system.client { request, token in
            if system.requests.count >= survived { throw ConnectionReset() }
            return try await system.send(request, token)
        }
        do {
            try await system.importing(small, concurrency: 2, with: dying)
        } catch is ImportStopped {}
        let (summary, _) = try await system.importing(small)
        #expect(system.posts.count == 6)
        #expect(system.users.count == 2)
        #expect(system.posts.count(where: \.isPublic) == 5)
        #expect(system.users.contains { $0.displayName == "Ann Lee" })
        #expect(summary.failed == 0)
    }

    @Test(arguments: 0..<20) func `loses and doubles nothing when an answer is lost`(number: Int) async throws {
        let system = RecordedSystem(loss: { _, at in if at == number { throw ConnectionReset() } })
        let (summary, _) = try await system.importing(small, concurrency: 1)
        #expect(system.posts.count == 6)
        #expect(system.posts.count(where: \.isPublic) == 5)
        #expect(system.users.count == 2)
        #expect(summary.failed == 0)
    }

    @Test func `has no more requests under way than asked`() async throws {
        let system = RecordedSystem()
        try await system.importing(small, concurrency: 3)
        #expect(system.state.withLock { $0.mostUnderWay } <= 3)
    }

    @Test func `of a refused post reports the fields and goes on with the others`() async throws {
        let system = RecordedSystem { request, _ in
            guard request.method == .post, request.body?["slug"]?.text == "post-2" else { return nil }
            return RecordedSystem.problem(
                422, "VALIDATION_ERROR", details: [.object(["field": .string("title"), "message": .string("is too long")])])
        }
        let (summary, lines) = try await system.importing(small)
        #expect(summary.failed == 1)
        #expect(summary.created == 5)
        #expect(lines == ["posts/2.md: not imported: 422 VALIDATION_ERROR: title is too long"])
    }

    @Test func `without an account for an author leaves out what that author owns`() async throws {
        let system = RecordedSystem { request, _ in
            request.body?["username"]?.text == "bob" ? RecordedSystem.problem(422, "VALIDATION_ERROR") : nil
        }
        let (summary, lines) = try await system.importing(small)
        #expect(summary.failed == 3)
        #expect(system.posts.count == 3)
        #expect(lines.contains("author bob: no account could be made: 422 VALIDATION_ERROR"))
    }

    @Test func `tells of a skipped file and counts it as failed`() async throws {
        let broken = Blog(
            files: small.files + [BlogFile(path: "posts/x.md", outcome: .skipped(because: "has no content"), remarks: [])], displayNames: [:],
            remarks: [])
        let (summary, lines) = try await RecordedSystem().importing(broken)
        #expect(summary.failed == 1)
        #expect(lines.contains("posts/x.md: has no content; skipped"))
    }

    @Test func `reports every step`() async throws {
        let notices = Mutex<[ImportNotice]>([])
        let system = RecordedSystem()
        _ = try await Importer(client: system.client) { notice in notices.withLock { $0.append(notice) } }.run(system.plan(small))
        #expect(notices.withLock { $0 } == (1...8).map { ImportNotice.progress(completed: $0, total: 8) })
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The accounts of an import` {
    @Test func `are never those of strangers, whose names stay theirs`() async throws {
        let system = RecordedSystem()
        let strangers = [system.registered("ann", displayName: "Somebody else"), system.registered("unknown")]
        try await system.importing(blog(["a.md": post("a"), "b.md": post("b", by: ["unknown"])], displayNames: ["ann": "Ann Lee"]))
        #expect(system.posts.allSatisfy { !strangers.contains($0.author) })
        #expect(system.posts.count == 2)
        #expect(system.users.map(\.username) == ["ann", "unknown", "ann_2", "unknown_2"])
        #expect(system.users.map(\.displayName) == ["Somebody else", nil, "Ann Lee", "unknown"])
    }

    @Test func `are those that the operator names`() async throws {
        let system = RecordedSystem()
        let (mine, hers) = (system.registered("me"), system.registered("her", displayName: "Her"))
        let accounts = NamedAccounts(everyone: mine, byAuthor: ["bob": hers])
        let (summary, _) = try await system.importing(small, for: accounts)
        #expect(summary.authorsMade == 0)
        #expect(Set(system.posts.filter { $0.author == hers }.map(\.slug)) == ["post-1", "post-3", "post-5"])
        #expect(system.posts.count { $0.author == mine } == 3)
        #expect(system.users.map(\.displayName) == [nil, "Her"])
    }

    @Test func `stay an author's from run to run, whatever the names fold to`() async throws {
        let system = RecordedSystem()
        let (zhang, wang, li) = ("\u{5F20}\u{4E09}", "\u{738B}\u{4E94}", "\u{674E}\u{56DB}")
        try await system.importing(blog(["1.md": post("one", by: [zhang]), "2.md": post("two", by: [wang])]))
        try await system.importing(
            blog([
                "1.md": post("one", by: [zhang]), "2.md": post("two", by: [wang]), "3.md": post("three", by: [li]), "4.md": post("four", by: [wang]),
            ]))
        let names = Dictionary(uniqueKeysWithValues: system.users.map { ($0.id, $0.displayName) })
        let owners = Dictionary(uniqueKeysWithValues: system.posts.map { ($0.slug, names[$0.author]) })
        #expect(owners == ["one": zhang, "two": wang, "three": li, "four": wang])
        #expect(system.users.count == 3)
        #expect(system.users.allSatisfy { 3...30 ~= $0.username.utf8.count && $0.username.utf8.allSatisfy { $0 < 0x80 } })
    }

    @Test func `that are not active cost their own posts alone`() async throws {
        let system = RecordedSystem()
        try await system.importing(blog(["first.md": post("first", by: ["banned"])]))
        system.state.withLock { $0.users[0].isActive = false }
        let (summary, lines) = try await system.importing(
            blog(["first.md": post("first", by: ["banned"]), "m.md": post("m", by: ["banned"]), "p.md": post("p"), "q.md": post("q")]))
        #expect(lines == ["posts/m.md: not imported: its author's account is not active"])
        #expect(summary.failed == 1)
        #expect(system.posts.count == 3)
    }

    @Test func `are looked for by a token that the system takes, or the import ends`() async throws {
        let system = RecordedSystem { request, _ in request.subject == .operatorAdmin ? RecordedSystem.problem(401, "UNAUTHENTICATED") : nil }
        await #expect(throws: ImportStopped.tokenRefused("401 UNAUTHENTICATED")) { try await system.importing(small) }
    }

    @Test(arguments: [
        ("0xTim", 1, "0xtim"), ("adam-ward", 1, "adam_ward"), ("x", 1, "x__"), ("Vojt\u{11B}ch Rylko", 1, "vojtech_rylko"), ("ann", 2, "ann_2"),
        ("\u{1F389}", 1, "author_tag"), (String(repeating: "a", count: 31), 1, String(repeating: "a", count: 30)),
        (String(repeating: "a", count: 31), 12, String(repeating: "a", count: 27) + "_12"),
    ]) func `have names made from their authors' keys`(key: String, number: Int, username: String) {
        #expect(AuthorAccounts.username(for: key, number: number, tag: "tag") == username)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A slug that somebody has` {
    @Test func `is left to them, and the post gets its date, then a number`() async throws {
        let system = RecordedSystem()
        let stranger = system.registered("sue")
        system.state.withLock { state in
            for slug in ["notes", "notes-1970-01-02"] {
                state.posts.append(RecordedSystem.Post(id: .v7(), title: "", content: "", slug: slug, author: stranger))
            }
        }
        let (summary, lines) = try await system.importing(blog(["a.md": post("notes")]))
        #expect(summary.created == 1 && summary.failed == 0)
        #expect(system.posts.map(\.slug) == ["notes", "notes-1970-01-02", "notes-1970-01-02-2"])
        #expect(lines == ["posts/a.md: the slug notes is taken in the system; notes-1970-01-02-2 is used"])
    }

    @Test func `stays with the post of an earlier import, though a new one is older`() async throws {
        let system = RecordedSystem()
        try await system.importing(blog(["a.md": post("notes", day: nil, isPublic: false)]))
        try await system.importing(blog(["a.md": post("notes", day: nil, isPublic: false), "b.md": post("notes", text: "I am B.")]))
        #expect(system.posts.map(\.slug) == ["notes", "notes-1970-01-02"])
        #expect(system.posts.map(\.content) == ["Text", "I am B."])
        #expect(system.posts[0].entries.count == 1)
    }
}
