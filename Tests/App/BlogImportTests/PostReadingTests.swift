import EventSourcing
import Testing

@testable import BlogImport

@Suite struct `Reading a post` {
    private static let now = Timestamp("2026-01-01T00:00:00Z") ?? .now

    private func read(_ text: String, file: String = "posts/2020-01-02-some-name.md") -> (post: BlogPost?, oddities: [String]) {
        var reader = PostReader(file: file, now: Self.now)
        let post = reader.read(text)
        return (post, reader.oddities.map(\.message))
    }

    @Test func `takes every field from a full Jekyll head`() {
        let (post, oddities) = read("---\ntitle: T\nslug: My Slug\nauthor: [a, b]\ndate: 2019-03-04 5:06:07\npublished: true\n---\nBody\n")
        let date = Timestamp("2019-03-04T05:06:07Z")
        #expect(
            post
                == BlogPost(
                    file: "posts/2020-01-02-some-name.md", slug: "my-slug", title: "T", authors: ["a", "b"], date: date, isPublished: true,
                    content: "Body\n"))
        #expect(oddities.isEmpty)
    }

    @Test(arguments: [
        "---\nauthor: x\n---\nb", "---\nauthor: [x]\n---\nb", "---\nauthors: [x, x]\n---\nb", "---\nauthor: {name: x}\n---\nb",
        "---\nauthors: [{name: x}]\n---\nb",
        "+++\n[taxonomies]\nauthors = [\"x\"]\n+++\nb", "+++\n[extra]\nauthor = \"x\"\n+++\nb", "+++\nauthors = [\"x\"]\n+++\nb",
    ]) func `finds the author wherever blogs write it`(text: String) {
        #expect(read(text).post?.authors == ["x"])
    }

    @Test func `makes up what is missing and says so`() {
        let (post, oddities) = read("---\nlayout: post\n---\nBody")
        #expect(post?.title == "Some name")
        #expect(post?.slug == "some-name")
        #expect(post?.authors == ["unknown"])
        #expect(post?.date == Timestamp("2020-01-02T00:00:00Z"))
        #expect(oddities == ["has no title; \"Some name\" is used", "has no author; unknown owns it"])
    }

    @Test(arguments: [
        ("published: false", false), ("draft: true", false), ("published: yes", true), ("draft: false", true), ("published: \"false\"", false),
        ("published: true\ndraft: true", false), ("published: perhaps", false),
    ]) func `leaves drafts as drafts`(field: String, isPublished: Bool) {
        #expect(read("---\ntitle: T\nauthor: a\n\(field)\n---\nb").post?.isPublished == isPublished)
    }

    @Test func `publishes without a date when its date can't be read`() {
        let (post, oddities) = read("---\ntitle: T\nauthor: a\ndate: soon\n---\nb")
        #expect(post?.date == nil)
        #expect(post?.isPublished == true)
        #expect(oddities == ["its date \"soon\" can't be read; it has none of its own"])
    }

    @Test func `publishes a date that lies ahead now`() {
        let (post, oddities) = read("---\ntitle: T\nauthor: a\ndate: 2026-01-02\n---\nb")
        #expect(post?.date == nil)
        #expect(oddities == ["its date 2026-01-02T00:00:00.000Z lies ahead; it is published now"])
        #expect(read("---\ntitle: T\nauthor: a\ndraft: true\ndate: 2026-01-02\n---\nb").oddities.isEmpty)
    }

    @Test func `says when neither the head nor the name has a date`() {
        #expect(read("---\ntitle: T\nauthor: a\n---\nb", file: "x.md").oddities == ["has no date of its own"])
    }

    @Test(arguments: ["---\ntitle: T\n---\n", "---\ntitle: T\n---\n \n\t\n", "---\ntitle: T\n", "---\ntitle: [\n---\nb", ""])
    func `leaves out a file without content or with a head that can't be read`(text: String) {
        let (post, oddities) = read(text)
        #expect(post == nil)
        #expect(oddities.last?.hasSuffix("skipped") == true)
    }

    @Test func `takes 200,000 characters and not one more`() {
        let head = "---\ntitle: T\nauthor: a\n---\n"
        #expect(read(head + String(repeating: "é", count: 200_000)).post != nil)
        let (post, oddities) = read(head + String(repeating: "é", count: 200_001))
        #expect(post == nil)
        #expect(oddities == ["has 200001 characters, more than 200000; skipped"])
    }

    @Test func `removes NUL, which the system can't hold`() {
        let (post, oddities) = read("---\ntitle: \"a\\0b\"\nauthor: a\n---\nx\0y")
        #expect(post?.content == "xy")
        #expect(post?.title == "ab")
        #expect(oddities == ["NUL characters were removed"])
    }

    @Test func `cuts a title after 255 characters`() {
        let (post, oddities) = read("---\ntitle: \(String(repeating: "t", count: 256))\nauthor: a\n---\nb")
        #expect(post?.title.unicodeScalars.count == 255)
        #expect(oddities.count == 1)
    }
}
