import EventSourcing
import Testing

@testable import BlogImport

@Suite struct `A post's name` {
    @Test(arguments: [
        ("_posts/2016-1-05-swift-2.2.md", "swift-2.2"), ("content/blog/hello/index.md", "hello"), ("content/blog/2020-01-02-hello/index.md", "hello"),
        ("a.b.markdown", "a.b"), ("index.md", "index"), ("content/hello/index.fr.md", "hello"), ("content/hello/Index.pt-br.md", "hello"),
        ("posts/node.js.md", "node.js"),
    ]) func `comes from the file's path`(path: String, name: String) {
        #expect(PostName(path: path).name == name)
    }

    @Test(
        arguments: [
            ("content/hello/index.fr.md", "fr"), ("content/hello/index.zh-Hans.md", "zh-hans"), ("content/hello.fr.md", "fr"),
            ("content/hello.md", nil),
            ("content/node.js.md", nil), ("content/hello/index.md", nil), ("content/v1.20.md", nil),
        ] as [(String, String?)]) func `says the language of a translation that has its like beside it`(path: String, language: String?)
    {
        let siblings: Set = ["content/hello", "content/hello.fr", "content/node.js", "content/other/index.fr", "content/v1.20", "content/v1.19"]
        #expect(PostName(path: path, siblings: siblings).language == language)
    }

    @Test(
        arguments: [
            ("posts/2016-1-05-a.md", "2016-01-05T00:00:00.000Z"), ("content/2014/09/15/a.md", "2014-09-15T00:00:00.000Z"),
            ("content/2014/09/15/a/index.md", "2014-09-15T00:00:00.000Z"), ("content/2014/09/a.md", nil), ("content/2014/13/15/a.md", nil),
        ] as [(String, String?)]) func `says the date where the path has one`(path: String, date: String?)
    {
        #expect(PostName(path: path).date?.description == date)
    }
}
