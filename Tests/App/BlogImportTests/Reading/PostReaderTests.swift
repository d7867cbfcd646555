import EventSourcing
import Testing

@testable import BlogImport

@Suite struct `Reading a post` {
    private static let now = Timestamp("2026-01-01T00:00:00Z") ?? .now

    private func read(_ text: String, file: String = "posts/2020-01-02-some-name.md") -> (post: BlogPost?, remarks: [String]) {
        var reader = PostReader(file: file, now: Self.now)
        do {
            return (try reader.read(text), reader.remarks)
        } catch {
            return (nil, reader.remarks + ["\(error)"])
        }
    }

    private func reason(_ head: String, file: String = "posts/2020-01-02-some-name.md") -> String? {
        guard case .draft(let reason)? = read("---\ntitle: T\nauthor: a\n\(head)\n---\nb", file: file).post?.visibility else { return nil }
        return reason
    }

    @Test func `takes every field from a full Jekyll head`() {
        let (post, remarks) = read("---\ntitle: T\nslug: My Slug\nauthor: [a, b]\ndate: 2019-03-04 5:06:07\npublished: true\n---\nBody\n")
        #expect(
            post
                == BlogPost(
                    slug: "my-slug", namesItsSlug: true, language: nil, title: "T", authors: ["a", "b"], date: Timestamp("2019-03-04T05:06:07Z"),
                    visibility: .everyone, asksToBePublic: true, content: "Body\n", images: []))
        #expect(remarks.isEmpty)
    }

    @Test(arguments: [
        "---\nauthor: x\n---\nb", "---\nauthor: [x]\n---\nb", "---\nauthors: [x, x]\n---\nb", "---\nauthor: {name: x}\n---\nb",
        "---\nauthors: [{name: x}]\n---\nb",
        "+++\n[taxonomies]\nauthors = [\"x\"]\n+++\nb", "+++\n[extra]\nauthor = \"x\"\n+++\nb", "+++\nauthors = [\"x\"]\n+++\nb",
        "{\"primary_author\": {\"name\": \"x\"}}\nb", "---\nparams:\n  author: x\n---\nb",
    ]) func `finds the author wherever blogs write it`(text: String) {
        #expect(read(text).post?.authors == ["x"])
    }

    @Test func `makes up what is missing and says so`() {
        let (post, remarks) = read("---\nlayout: post\n---\nBody")
        #expect(post?.title == "Some name")
        #expect(post?.slug == "some-name")
        #expect(post?.authors == ["unknown"])
        #expect(post?.date == Timestamp("2020-01-02T00:00:00Z"))
        #expect(remarks == ["has no title; \"Some name\" is used", "has no author; unknown owns it"])
    }

    @Test(arguments: [
        "draft: false", "published: yes", "published: \"true\"", "status: publish", "visibility: public", "published: 2019-05-06", "private: no",
        "expiryDate: 2099-01-01", "build:\n  render: always", "permalink: /a/b/",
    ]) func `publishes when everything in the head says so`(head: String) {
        #expect(reason(head) == nil)
    }

    @Test(arguments: [
        ("published: false", "published is false"), ("draft: true", "draft is true"), ("Draft: TRUE", "draft is true"),
        ("published: \"false\"", "published is false"),
        ("published: true\ndraft: true", "draft is true"), ("draft: false\nDraft: true", "draft is true"),
        ("published: perhaps", "published is neither true nor false"), ("status: scheduled", "status is scheduled"),
        ("visibility: members", "visibility is members"), ("private: true", "private is true"), ("password: secret", "it has a password"),
        ("permalink: false", "permalink is false"), ("_build:\n  render: never", "build.render is never"),
        ("build:\n  list: false", "build.list is false"),
        ("headless: true", "headless is true"), ("render: false", "render is false"),
        ("eleventyExcludeFromCollections: true", "eleventyExcludeFromCollections is true"),
        ("unlisted: true", "unlisted is true"), ("expiryDate: 2020-01-01", "it expired on 2020-01-01T00:00:00.000Z"),
        ("date: soon", "its date \"soon\" can't be read"), ("date: 05/01/2016", "its date \"05/01/2016\" can't be read"),
        ("date: 2033-01-02", "its date 2033-01-02T00:00:00.000Z lies more than five years ahead"),
        ("date: 2019-01-01\npublishDate: 2099-01-01", "its publishDate 2099-01-01T00:00:00.000Z lies more than five years ahead"),
        ("date: 2026-02-01\nexpiryDate: 2026-01-15", "it expires on 2026-01-15T00:00:00.000Z, before it is public"),
        ("date: 2026-02-01\ndraft: true", "draft is true"), ("date: 2026-02-01\npublishDate: soon", "its publishDate \"soon\" can't be read"),
        ("date: 2019-01-01\npublish_date: tomorrow", "its publishDate \"tomorrow\" can't be read"),
    ]) func `leaves drafts as drafts and says why`(head: String, why: String) {
        #expect(reason(head) == why)
    }

    @Test(arguments: [
        ("---\ntitle: T\nauthor: a\ndate: 2026-01-02\n---\nb", "2026-01-02T00:00:00.000Z"),
        ("---\ntitle: T\nauthor: a\ndate: 2026-06-01 09:30:00 +0200\npublished: true\n---\nb", "2026-06-01T07:30:00.000Z"),
        ("---\ntitle: T\nauthor: a\ndate: 2019-01-01\npublishDate: 2026-03-01T10:00:00Z\n---\nb", "2026-03-01T10:00:00.000Z"),
        ("---\ntitle: T\nauthor: a\ndate: 2026-05-01\npublish_date: 2026-03-01\n---\nb", "2026-05-01T00:00:00.000Z"),
        ("+++\ntitle = \"T\"\nauthor = \"a\"\ndate = 2026-04-05T06:07:08-01:00\ndraft = false\n+++\nb", "2026-04-05T07:07:08.000Z"),
        ("{\"title\": \"T\", \"author\": \"a\", \"published_at\": \"2026-07-01\", \"status\": \"published\"}\nb", "2026-07-01T00:00:00.000Z"),
        ("---\ntitle: T\nauthor: a\ndate: 2026-01-02\nexpiryDate: 2027-01-01\n---\nb", "2026-01-02T00:00:00.000Z"),
    ]) func `has a post published when its date comes, where all else says that it is public`(text: String, time: String) throws {
        let (post, remarks) = read(text)
        #expect(post?.visibility == .scheduled(at: try #require(Timestamp(time))))
        #expect(post?.asksToBePublic == true)
        #expect(remarks == ["is to be published on \(time)"])
    }

    @Test func `takes the date of a file's name for one that comes, too`() {
        let post = read("---\ntitle: T\nauthor: a\n---\nb", file: "_posts/2026-02-03-x.md").post
        #expect(post?.visibility.scheduledAt == Timestamp("2026-02-03T00:00:00Z"))
    }

    @Test func `leaves as a draft what has no front matter, no date, or lies in the folder of drafts`() {
        #expect(read("Just text").post?.visibility == .draft(because: "it has no front matter"))
        #expect(reason("", file: "posts/name.md") == "it has no date")
        #expect(reason("", file: "_drafts/2020-01-01-name.md") == "it lies in _drafts")
        #expect(read("Just text").remarks.contains("stays a draft: it has no front matter"))
    }

    /// When the date has come, the file is the same, and only the world is another.
    @Test func `tells what the file asks for from what is so today`() {
        func asks(_ head: String) -> Bool? { read("---\ntitle: T\n\(head)\n---\nb").post?.asksToBePublic }
        #expect(asks("date: 2026-01-02") == true)
        #expect(asks("expiryDate: 2020-01-01") == true)
        #expect(asks("draft: true") == false)
        #expect(asks("date: soon") == false)
    }

    @Test(
        arguments: [
            ("slug: Ein Wort", "ein-wort", nil), ("url: /2014/09/15/some-name.html", "some-name", "2014-09-15"),
            ("path: 2014/09/15/Some-Release-1.0", "some-release-1-0", "2014-09-15"),
            ("permalink: /blog/a-name/", "a-name", "2020-01-02"), ("permalink: /:year/:title/", "some-name", "2020-01-02"),
            ("url: /a/index.html", "a", "2020-01-02"),
            ("slug: a\npath: x/b", "a", "2020-01-02"), ("permalink: \"/{{ page.date }}/x\"", "some-name", "2020-01-02"),
        ] as [(String, String, String?)]) func `takes the address from where each tool writes it`(head: String, slug: String, date: String?)
    {
        let post = read("---\ntitle: T\nauthor: a\n\(head)\n---\nb").post
        #expect(post?.slug == slug)
        if let date { #expect(post?.date?.description.prefix(10) == date[...]) }
    }

    @Test(arguments: ["layout: page", "type: page", "post_type: Page"]) func `leaves out pages`(head: String) {
        var reader = PostReader(file: "a.md", now: Self.now)
        #expect(throws: PostReader.Page.self) { try reader.read("---\n\(head)\n---\nb") }
    }

    @Test(arguments: [
        ("---\ntitle: T\n---\n", "has no content"), ("---\ntitle: T\n---\n \n\t\n", "has no content"),
        ("---\ntitle: T\n", "the front matter opens with --- and never closes"),
        ("", "has no content"), ("---\n- a\n---\nb", "the front matter is not a list of names and values"),
    ]) func `refuses a file without content or with a head that can't be read`(text: String, why: String) {
        let (post, remarks) = read(text)
        #expect(post == nil)
        #expect(remarks.last == why)
    }

    @Test func `takes 200,000 characters and not one more`() {
        let head = "---\ntitle: T\nauthor: a\n---\n"
        #expect(read(head + String(repeating: "é", count: 200_000)).post != nil)
        let (post, remarks) = read(head + String(repeating: "é", count: 200_001))
        #expect(post == nil)
        #expect(remarks == ["its text may have 200000 characters at most, has 200001"])
    }

    @Test(arguments: [
        ("x\0y", "xy", true), ("x\u{0B}y\u{0C}z", "x\ny\nz", true), ("x\u{1B}[1my\u{85}", "x[1my", true), ("x\ry\r\nz\r", "x\ny\r\nz\n", false),
        ("a\tb\n", "a\tb\n", false),
    ]) func `removes control characters from the text and says so`(body: String, content: String, isTold: Bool) {
        let (post, remarks) = read("---\ntitle: T\nauthor: a\n---\n\(body)")
        #expect(post.map { Array($0.content.utf8) } == Array(content.utf8))
        #expect(remarks == (isTold ? ["control characters were removed"] : []))
    }

    @Test(arguments: [
        ("\"a\\0b\"", "ab"), ("|\n  Two\n  lines", "Two lines"), ("\"a\\u202Eb\"", "ab"), ("\"a\\tb\"", "a b"), ("\"a\\u2028b\"", "a b"),
    ]) func `makes one clean line of a title and says so`(title: String, clean: String) {
        let (post, remarks) = read("---\ntitle: \(title)\nauthor: a\n---\nx")
        #expect(post?.title == clean)
        #expect(remarks == ["line breaks or control characters in its title were removed"])
    }

    @Test func `makes up a title where nothing of it can be seen`() {
        #expect(read("---\ntitle: \"\\u200B\"\nauthor: a\n---\nx").post?.title == "Some name")
    }

    @Test func `cuts a title after 255 characters`() {
        let (post, remarks) = read("---\ntitle: \(String(repeating: "t", count: 256))\nauthor: a\n---\nb")
        #expect(post?.title.unicodeScalars.count == 255)
        #expect(remarks == ["its title was cut after 255 characters"])
    }

    @Test func `counts former addresses, which it does not keep`() {
        #expect(read("---\ntitle: T\nauthor: a\naliases: [/a, /b]\n---\nb").remarks == ["2 former addresses are not kept"])
        #expect(read("---\ntitle: T\nauthor: a\nredirect_from: /a\n---\nb").remarks == ["1 former address is not kept"])
    }

    @Test func `names the images that stay behind`() {
        let body = """
            ![one](pictures/one.png) text ![two](/two.jpg "A title") ![far](https://example.org/far.png) ![](//cdn.example.org/x.png)
            <img class="a" src='three.webp'> <img src="data:image/png;base64,AA==">
            ```
            ![code](code.png)
            ```
            ![one](pictures/one.png)
            """
        let post = read("---\ntitle: T\nauthor: a\nimage: cover.png\n---\n\(body)").post
        #expect(post?.images == ["cover.png", "pictures/one.png", "/two.jpg", "three.webp"])
    }
}
