import JSON
import NIOCore
import Testing

@testable import HTTPContract

@Suite struct `A page of a feed` {
    private static func page() -> FeedPage {
        var page = FeedPage(after: 10)
        page.add("PostDrafted", category: "post", at: 11, json: Array("{}".utf8))
        page.add("UserRegistered", category: "user", at: 12, json: Array("{}".utf8))
        page.add("viewed", category: "views", at: 14, isLast: false, json: Array(#"{"n":1}"#.utf8))
        page.add("viewed", category: "views", at: 14, json: Array(#"{"n":2}"#.utf8))
        page.close(through: 15)
        return page
    }

    private func text(after position: Int64, _ filter: FeedFilter = FeedFilter()) -> String? {
        Self.page().bytes(after: position, filter).map { String(buffer: $0.buffer) }
    }

    @Test func `is written as Server-Sent Events, and names a position once`() {
        #expect(
            text(after: 10) == """
                event: PostDrafted\nid: 11\ndata: {}\n\nevent: UserRegistered\nid: 12\ndata: {}\n\n\
                event: viewed\ndata: {"n":1}\n\nevent: viewed\nid: 14\ndata: {"n":2}\n\n
                """)
    }

    @Test func `goes on where its reader is`() {
        #expect(text(after: 12) == "event: viewed\ndata: {\"n\":1}\n\nevent: viewed\nid: 14\ndata: {\"n\":2}\n\n")
        #expect(text(after: 14) == nil)
        #expect(Self.page().bytes(after: 11, FeedFilter())?.last == 14)
    }

    @Test func `has only what its reader wants`() {
        #expect(text(after: 10, FeedFilter(category: "user")) == "event: UserRegistered\nid: 12\ndata: {}\n\n")
        #expect(text(after: 10, FeedFilter(names: ["PostDrafted"])) == "event: PostDrafted\nid: 11\ndata: {}\n\n")
        #expect(text(after: 10, FeedFilter(names: ["PostDrafted"], category: "user")) == nil)
        #expect(text(after: 11, FeedFilter(names: ["PostDrafted", "UserRegistered"])) == "event: UserRegistered\nid: 12\ndata: {}\n\n")
    }

    @Test func `is one line of data, whatever a text says`() throws {
        var json = JSONWriter(capacity: 16)
        json.string("a\nb\r\n\u{2028}data: x\n\n")
        var page = FeedPage(after: 0)
        page.add("edited", at: 1, json: json.bytes)
        page.close(through: 1)
        let text = try #require(page.bytes(after: 0, FeedFilter()).map { String(buffer: $0.buffer) })
        #expect(text.utf8.filter { $0 == UInt8(ascii: "\n") }.count == 4 && !text.utf8.contains(UInt8(ascii: "\r")))
    }
}

@Suite struct `The pages that are kept` {
    private func page(_ after: Int64, _ through: Int64, bytes: Int = 10) -> FeedPage {
        var page = FeedPage(after: after)
        page.add("e", at: through, json: Array(repeating: UInt8(ascii: "1"), count: bytes))
        page.close(through: through)
        return page
    }

    @Test func `are found by what they have`() {
        var pages = FeedPages()
        pages.add(page(0, 5), upTo: 1 << 20)
        pages.add(page(5, 9), upTo: 1 << 20)
        #expect(pages.page(after: 0)?.through == 5 && pages.page(after: 4)?.through == 5 && pages.page(after: 5)?.through == 9)
        #expect(pages.page(after: 9) == nil)
    }

    @Test func `are as many as there is room for, the newest in any case`() {
        var pages = FeedPages()
        for start in Int64(0)..<20 { pages.add(page(start, start + 1, bytes: 1000), upTo: 5000) }
        #expect(pages.page(after: 0) == nil && pages.page(after: 19) != nil && pages.page(after: 17) != nil)
        pages.add(page(20, 21, bytes: 10_000), upTo: 5000)
        #expect(pages.page(after: 20) != nil && pages.page(after: 19) == nil)
    }

    @Test func `are dropped after two heartbeats, and at once when something is taken back`() {
        var pages = FeedPages()
        pages.add(page(0, 1), upTo: 1 << 20)
        pages.dropOld()
        #expect(pages.page(after: 0) != nil)
        pages.dropOld()
        #expect(pages.page(after: 0) == nil)
        pages.add(page(0, 1), upTo: 1 << 20)
        let generation = pages.generation
        pages.removeAll()
        #expect(pages.page(after: 0) == nil && pages.generation != generation)
    }
}
