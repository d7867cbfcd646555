import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Testing

@Suite struct `The parameters of a query` {
    private func parameters(_ query: String) -> QueryParameters { QueryParameters(request(.get, "/posts?" + query)) }

    @Test func `are read when they are right`() throws {
        var query = parameters("limit=5&sort=views&author=0198a3c4-0000-7000-8000-00000000abcd&q=caf%C3%A9+au%20lait&asOf=2026-01-31T12:00:00Z&flag")
        #expect(query.integer("limit", in: 1...100, default: 20) == 5)
        #expect(query.choice("sort", of: ["newest": 1, "views": 2], default: 1) == 2)
        #expect(query.id("author")?.lowercased == "0198a3c4-0000-7000-8000-00000000abcd")
        #expect(query.text("q") == "café au lait")
        #expect(query.time("asOf")?.description == "2026-01-31T12:00:00.000Z")
        #expect(query.has("flag") && query.text("flag") == "" && !query.has("page"))
        try query.finish()
    }

    @Test func `have defaults`() throws {
        for path in ["/posts", "/posts?", "/posts?&&"] {
            var query = QueryParameters(request(.get, path))
            #expect(query.integer("limit", in: 1...100, default: 20) == 20)
            #expect(query.choice("sort", of: ["views": 2], default: 1) == 1)
            #expect(query.text("cursor") == nil)
            try query.finish()
        }
    }

    @Test func `that nobody asked for are refused, each by its name and once`() {
        var query = parameters("limit=5&utm_source=x&Limit=5&utm_source=y&&%6Ctd")
        _ = query.integer("limit", in: 1...100, default: 20)
        let found = problem { try query.finish() }
        #expect(found?.code == .validationError && found?.details.map(\.field) == ["utm_source", "Limit", "ltd"])
    }

    @Test func `are all named at once when they are not acceptable`() {
        var query = parameters("limit=0&page=x&sort=best&from=yesterday&q=%00&twice=1&twice=2&plus=+5")
        _ = query.integer("limit", in: 1...100, default: 20)
        _ = query.integer("page", in: 1...100)
        _ = query.choice("sort", of: ["views": 2], default: 1)
        _ = query.time("from")
        _ = query.text("q")
        _ = query.text("twice")
        _ = query.integer("plus", in: 1...9)
        query.refuse("other", "is odd")
        let found = problem { try query.finish() }
        #expect(found?.code == .validationError)
        #expect(found?.details.map(\.field) == ["limit", "page", "sort", "from", "q", "twice", "plus", "other"])
    }

    @Test(arguments: ["101", "-1", "1.5", "1e1", "05", "", "99999999999999999999", "٣"])
    func `are no number out of range or in another form`(text: String) {
        var query = parameters("limit=\(text)")
        _ = query.integer("limit", in: 1...100, default: 20)
        #expect(problem { try query.finish() }?.code == .validationError)
    }

    @Test(arguments: ["q=%", "q=%4", "q=%zz", "%ff=1", "q=%C3%28"])
    func `in a broken encoding are 400`(text: String) {
        var query = parameters(text)
        _ = query.text("q")
        #expect(problem { try query.finish() }?.code == .malformedRequest)
    }

    @Test func `are told apart by their bytes`() {
        var query = parameters("e%CC%81=1&%C3%A9=2")
        #expect(query.text("\u{E9}") == "2" && query.text("e\u{301}") == "1")
        #expect(problem { try query.finish() } == nil)
    }

    @Test(arguments: [("c=", nil), ("c=ab.c", "ab.c")] as [(String, String?)]) func `may have an empty cursor, which is none`(row: (String, String?))
    {
        var query = parameters(row.0.replacing("c=", with: "cursor="))
        #expect(query.cursor() == row.1)
        #expect(problem { try query.finish() } == nil)
    }

    @Test func `are names only in visible ASCII`() {
        var query = parameters("type=PostPublished&stream=e%CC%81")
        #expect(query.name("type") == "PostPublished" && query.name("stream") == nil)
        #expect(problem { try query.finish() }?.details.map(\.field) == ["stream"])
    }

    @Test func `with a bad id are 400`() {
        var query = parameters("author=17")
        #expect(query.id("author") == nil)
        #expect(problem { try query.finish() }?.code == .malformedRequest)
    }
}
