import Testing

@testable import BlogImport

@Suite struct `A slug` {
    @Test(arguments: [
        ("swift-2.2-released", "swift-2-2-released"), ("introducing-swiftly_10", "introducing-swiftly-10"), ("Hello, World!", "hello-world"),
        ("Crème brûlée", "creme-brulee"), ("Cafe\u{301} don\u{2019}t", "cafe-dont"), ("Straße Æther Øl", "strasse-aether-ol"), ("--a--b--", "a-b"),
        ("日本語", ""), ("🎉 party", "party"),
    ]) func `folds to small letters, digits and hyphens`(text: String, slug: String) {
        #expect(Slug.folding(text) == slug)
    }

    @Test func `has at most 300 characters and no hyphen at its end`() {
        let slug = Slug.folding(String(repeating: "a", count: 299) + " " + String(repeating: "b", count: 50))
        #expect(slug == String(repeating: "a", count: 299))
    }

    @Test(arguments: [
        ("_posts/2016-1-05-swift-2.2.md", "swift-2-2"), ("content/blog/hello/index.md", "hello"), ("content/blog/2020-01-02-hello/index.md", "hello"),
        ("a.b.markdown", "a-b"), ("content/notes/日本.md", "content-notes"), ("日本.md", "post"), ("index.md", "index"),
    ]) func `comes from the file's path`(path: String, slug: String) {
        #expect(PostName(path: path).slug == slug)
    }
}

@Suite struct `An author's username` {
    @Test(arguments: [
        ("0xTim", "0xtim"), ("adam-ward", "adam_ward"), ("x", "x__"), ("Vojtěch Rylko", "vojtech_rylko"), ("", "___"),
        (String(repeating: "a", count: 31), String(repeating: "a", count: 30)),
    ]) func `folds from the key`(key: String, username: String) {
        #expect(BlogAuthor.username(folding: key) == username)
    }

    @Test func `is numbered where keys fold to the same, in the order of the keys`() {
        let long = String(repeating: "a", count: 40)
        let authors = BlogAuthor.named(["a-b", "a_b", "A.B", long, long + "x"], displayNames: ["a_b": "Ann"])
        #expect(authors.map(\.key) == ["A.B", "a-b", "a_b", long, long + "x"])
        #expect(authors.map(\.username) == ["a_b", "a_b_2", "a_b_3", String(repeating: "a", count: 30), String(repeating: "a", count: 28) + "_2"])
        #expect(authors.map(\.displayName) == ["A.B", "a-b", "Ann", long, long + "x"])
        #expect(authors[1].email == "a_b_2@import.invalid")
    }
}
