import EventSourcing
import JSON
import Testing

@testable import BlogImport

@Suite struct `The plan of an import` {
    private func plan(_ blog: Blog) -> ImportPlan { ImportPlan(blog, comparedWith: [], nil, update: false) }

    private func slugs(_ posts: [String: BlogPost]) -> [String?] { plan(blog(posts)).entries.map(\.slug) }

    @Test func `gives posts of one slug their date, then a number, the oldest first`() {
        let posts = ["a": post("same", day: 500), "b": post("same", day: 500), "c": post("same", day: 1), "d": post("same", day: 500)]
        #expect(slugs(posts) == ["same-1971-05-16", "same-1971-05-16-2", "same", "same-1971-05-16-3"])
        #expect(plan(blog(posts)).entries[0].remarks == ["another file wants its slug same; same-1971-05-16 is used"])
    }

    @Test func `tells translations apart by their language`() {
        let posts = ["index.en.md": post("hello", language: "en"), "index.fr.md": post("hello", language: "fr")]
        #expect(slugs(posts) == ["hello", "hello-fr"])
    }

    @Test func `leaves room in the longest slug for what tells it apart`() {
        let long = String(repeating: "a", count: 288)
        #expect(slugs(["a": post(long), "b": post(long)]).map { $0?.utf8.count } == [288, 299])
    }

    @Test func `says each file's fate as JSON`() throws {
        let files = [
            BlogFile(path: "posts/a.md", outcome: .post(post("a", by: ["ann", "bob"])), remarks: ["a remark"]),
            BlogFile(path: "posts/b.md", outcome: .post(post("b", day: nil, isPublic: false)), remarks: []),
            BlogFile(path: "posts/c.md", outcome: .skipped(because: "has no content"), remarks: []),
            BlogFile(path: "posts/d.md", outcome: .notPost(because: "is a page, not a post"), remarks: []),
        ]
        let lines = plan(Blog(files: files, displayNames: [:], remarks: [])).entries.map { JSONValue.object($0.json).serialized }
        #expect(
            lines == [
                #"{"file":"posts/a.md","action":"new","state":"public","title":"Title of a","slug":"a","authors":["ann","bob"],"date":"1970-01-02T00:00:00.000Z","images":[],"remarks":["a remark"]}"#,
                #"{"file":"posts/b.md","action":"new","state":"draft","stateReason":"draft is true","title":"Title of b","slug":"b","authors":["ann"],"date":null,"images":[],"remarks":[]}"#,
                #"{"file":"posts/c.md","action":"skip","reason":"has no content; skipped","remarks":[]}"#,
                #"{"file":"posts/d.md","action":"no-post","reason":"is a page, not a post","remarks":[]}"#,
            ])
    }

    @Test func `names five images at most in a line`() {
        func line(_ images: [String]) -> [String] {
            let post = BlogPost(
                slug: "a", namesItsSlug: true, language: nil, title: "T", authors: ["a"], date: nil, visibility: .everyone, asksToBePublic: true,
                content: "x",
                images: images)
            return plan(blog(["a.md": post])).entries[0].lines
        }
        #expect(line(["1.png"]) == ["posts/a.md: shows an image that is not imported: 1.png"])
        #expect(line(["1", "2", "3", "4", "5", "6", "7"]) == ["posts/a.md: shows 7 images that are not imported: 1, 2, 3, 4, 5 and 2 more"])
    }
}
