import EventSourcing
import FoundationEssentials
import Publishing
import Testing

private let ann = UUID.number(1)
private let post = UUID.number(11)
private let drafted = PostEvent.drafted(author: ann, title: .known("Title"), slug: .known("title"), content: .known("Words"))

@Suite(.timeLimit(.minutes(15))) struct `The read model of posts` {
    @Test func `shows a draft to its author`() async throws {
        let found = try await rows("SELECT title, slug, content, excerpt, published, created_at, updated_at, published_at, version FROM posts.post") {
            try await $0.tell(drafted, of: post)
        }
        #expect(found == [#"(Title,title,Words,Words,f,"2026-01-01 00:00:00+00","2026-01-01 00:00:00+00",,1)"#])
    }

    @Test func `changes only what an edit names`() async throws {
        let found = try await rows("SELECT title, slug, content, excerpt, updated_at, version FROM posts.post") {
            try await $0.tell(drafted, .edited(title: .known("Better"), slug: nil, content: nil), of: post)
        }
        #expect(found == [#"(Better,title,Words,Words,"2026-01-01 00:00:01+00",2)"#])
    }

    @Test func `keeps the first 200 Unicode scalars as the excerpt`() async throws {
        let text = String(repeating: "e\u{301}👍", count: 100)
        let found = try await rows("SELECT excerpt = left(content, 200), length(excerpt), octet_length(excerpt) FROM posts.post") {
            try await $0.tell(drafted, .edited(title: nil, slug: nil, content: .known(text)), of: post)
        }
        let first = String(String.UnicodeScalarView(text.unicodeScalars.prefix(200)))
        #expect(found == ["(t,200,\(first.utf8.count))"])
    }

    @Test func `dates a publication by when it was recorded`() async throws {
        let found = try await rows("SELECT published, published_at, updated_at, version FROM posts.post") {
            try await $0.tell(drafted, .published(publishedAt: nil), of: post)
        }
        #expect(found == [#"(t,"2026-01-01 00:00:01+00","2026-01-01 00:00:01+00",2)"#])
    }

    @Test func `dates a publication by business time where one was named`() async throws {
        let found = try await rows("SELECT published_at, updated_at FROM posts.post") {
            try await $0.tell(drafted, .published(publishedAt: Timestamp("2015-12-03T10:00:00.123Z")), of: post)
        }
        #expect(found == [#"("2015-12-03 10:00:00.123+00","2026-01-01 00:00:01+00")"#])
    }

    @Test func `counts a post once that is published again at another time`() async throws {
        let time = Timestamp("2015-12-03T10:00:00.123Z")
        let found = try await rows(
            "SELECT published_at, version, (SELECT count FROM posts.published_count), (SELECT published FROM posts.author_count) FROM posts.post"
        ) {
            try await $0.tell(drafted, .published(publishedAt: nil), .published(publishedAt: time), of: post)
        }
        #expect(found == [#"("2015-12-03 10:00:00.123+00",3,1,1)"#])
    }

    @Test func `takes a publication back`() async throws {
        let found = try await rows("SELECT published, published_at, version FROM posts.post") {
            try await $0.tell(drafted, .published(publishedAt: nil), .unpublished, of: post)
        }
        #expect(found == ["(f,,3)"])
    }

    @Test func `forgets a deleted post`() async throws {
        let found = try await rows("SELECT id FROM posts.post") {
            try await $0.tell(drafted, .published(publishedAt: nil), .deleted, of: post)
        }
        #expect(found == [])
    }

    @Test func `shows nothing where the author is forgotten`() async throws {
        let found = try await rows("SELECT author, title, slug, content, excerpt FROM posts.post") {
            try await $0.tell(.drafted(author: ann, title: .forgotten, slug: .forgotten, content: .forgotten), of: post)
            try await $0.tell(.edited(title: .forgotten, slug: nil, content: .forgotten), of: post)
        }
        #expect(found == ["(\(ann.lowercased),,,,)"])
    }

    @Test func `forgets a text that an edit replaced when the edit is forgotten`() async throws {
        let found = try await rows("SELECT title, slug FROM posts.post") {
            try await $0.tell(drafted, .edited(title: .forgotten, slug: nil, content: nil), of: post)
        }
        #expect(found == ["(,title)"])
    }

    @Test func `counts an author's posts and the published ones`() async throws {
        let found = try await rows("SELECT c.*, p.count FROM posts.author_count c, posts.published_count p ORDER BY author") { history in
            for number in UInt64(11)...15 { try await history.tell(drafted, .published(publishedAt: nil), of: .number(number)) }
            try await history.tell(.unpublished, of: .number(11))
            try await history.tell(.unpublished, .deleted, of: .number(12))
            try await history.tell(.deleted, of: .number(13))
            try await history.tell(.drafted(author: .number(2), title: .known("b"), slug: .known("b"), content: .known("b")), of: .number(20))
        }
        #expect(found == ["(\(ann.lowercased),3,2,2)", "(\(UUID.number(2).lowercased),1,0,2)"])
    }
}
