import EventSourcing
import Testing

@testable import BlogImport

@Suite struct `Front matter` {
    @Test func `is YAML between lines of hyphens`() throws {
        let matter = try FrontMatter.read("---\ntitle: \"It's: so\"\nauthor: [a, b]\n---\n\n# Body\n---\nmore\n")
        #expect(matter.fields["title"]?.text == "It's: so")
        #expect(matter.fields["author"]?.names == ["a", "b"])
        #expect(matter.body == "\n# Body\n---\nmore\n")
        #expect(matter.remarks.isEmpty)
    }

    @Test func `is TOML between lines of plus signs`() throws {
        let text = """
            +++
            title = "Zola"
            date = 2020-02-03
            draft = true
            weight = 7
            [taxonomies]
            authors = ["x", "y"]
            [extra]
            at = 2020-02-03T04:05:06.7-07:30
            +++
            Body
            """
        let matter = try FrontMatter.read(text)
        #expect(matter.fields["title"]?.text == "Zola")
        #expect(matter.fields["date"]?.text.flatMap { BlogDate.read($0) }?.description == "2020-02-03T00:00:00.000Z")
        #expect(matter.fields["draft"]?.bool == true)
        #expect(matter.fields["weight"]?.text == "7")
        #expect(matter.fields["taxonomies"]?["authors"]?.names == ["x", "y"])
        #expect(matter.fields["extra"]?["at"]?.text.flatMap { BlogDate.read($0) }?.description == "2020-02-03T11:35:06.700Z")
        #expect(matter.body == "Body")
    }

    @Test(arguments: ["2020-02-03T04:05:06", "2020-02-03T04:05:06Z", "2020-02-03T05:05:06+01:00", "2020-02-02 23:05:06-05:00"])
    func `keeps the moment of a TOML date-time`(written: String) throws {
        let matter = try FrontMatter.read("+++\ndate = \(written)\n+++\nx")
        #expect(matter.fields["date"]?.text.flatMap { BlogDate.read($0) }?.description == "2020-02-03T04:05:06.000Z")
    }

    @Test func `may begin with a byte order mark and end its lines with CRLF`() throws {
        let matter = try FrontMatter.read("\u{FEFF}---\r\ntitle: T\r\n---  \r\nline\r\n")
        #expect(matter.fields["title"]?.text == "T")
        #expect(matter.body == "line\r\n")
        #expect(try FrontMatter.read("+++\r\ntitle = \"T\"\r\n+++\r\nx").fields["title"]?.text == "T")
    }

    @Test func `may be empty or absent`() throws {
        #expect(try FrontMatter.read("---\n---\nx").body == "x")
        let absent = try FrontMatter.read("# Just Markdown\n")
        #expect(absent.body == "# Just Markdown\n")
        #expect(absent.remarks == ["has no front matter"] && absent.isAbsent)
        #expect(try FrontMatter.read("").body.isEmpty)
    }

    @Test(arguments: [
        "{\"title\": \"T\", \"draft\": true}\n\nBody",
        "{ \n \"title\": \"T\", \"tags\": [\"}\"], \"a\": {\"b\": \"\\\"}\"},\n\"draft\": true }\nBody",
        "---json\n{\"title\": \"T\", \"draft\": true}\n---\nBody", ";;;\n\"title\": \"T\",\n\"draft\": true\n;;;\nBody",
        ";;;\n{\"title\": \"T\", \"draft\": true}\n;;;\nBody",
        "---toml\ntitle = \"T\"\ndraft = true\n---\nBody", "---yaml\ntitle: T\ndraft: true\n---\nBody",
    ]) func `may be JSON, or in the language that its fence names`(text: String) throws {
        let matter = try FrontMatter.read(text)
        #expect(matter.fields["title"]?.text == "T")
        #expect(matter.fields["draft"]?.bool == true)
        #expect(matter.body.trimmed == "Body")
    }

    @Test(arguments: [
        "\n\n---\ntitle: T\n---\nBody", " \n\t\n+++\ntitle = \"T\"\n+++\nBody", "<!-- a note -->\n---\ntitle: T\n---\nBody",
        "<!-- a\nlong --> <!-- note -->\n\n---\ntitle: T\n---\nBody", "---\rtitle: T\r---\rBody", "\u{FEFF}\n ---\ntitle: T\n---\nBody",
        "\n{\"title\": \"T\"}\nBody",
    ]) func `is seen behind blank lines and comments, and with any line ends`(text: String) throws {
        let matter = try FrontMatter.read(text)
        #expect(matter.fields["title"]?.text == "T")
        #expect(matter.body == "Body")
        #expect(!matter.isAbsent)
    }

    @Test(arguments: [
        "{{< figure >}}\nText", "{% raw %}", "<!-- only a comment -->\nText", "<!-- never closed\n---\ntitle: T\n---", "-----\nText",
        "# T\n\n---\na: b\n---\n",
    ])
    func `is not what only looks like it`(text: String) throws {
        let matter = try FrontMatter.read(text)
        #expect(matter.isAbsent && matter.body == text)
    }

    @Test(arguments: [("---js\n{}\n---\nx", "js"), ("---coffee\n---\n", "coffee")])
    func `in a language that can't be read is refused`(text: String, language: String) {
        #expect(throws: FrontMatterError.unknownLanguage(language)) { try FrontMatter.read(text) }
    }

    @Test func `has names without case, with or without lines between their words`() throws {
        let fields = try FrontMatter.read("---\nTitle: T\nPublish_Date: 2020-01-01\nDRAFT: true\n_build:\n  Render: never\n---\nx").fields
        #expect(fields["title"]?.text == "T")
        #expect(fields["publishDate"]?.text == "2020-01-01")
        #expect(fields["draft"]?.bool == true)
        #expect(fields["build"]?["render"]?.text == "never")
        #expect(try FrontMatter.read("---\ndraft: false\nDraft: true\n---\nx").fields.all("draft").map(\.bool) == [false, true])
    }

    @Test(arguments: ["---\ntitle: T\n\n# Body", "---", "---\n", "+++\ntitle = \"T\"\n---\n", "{\"title\": \"T\""])
    func `that never closes is refused`(text: String) {
        #expect(throws: FrontMatterError.neverCloses(fence: text.hasPrefix("{") ? "{" : String(text.prefix(3)))) { try FrontMatter.read(text) }
    }

    @Test(arguments: ["---\ntitle: [a\n---\nx", "---\ntitle: \"a\n---\nx", "+++\ntitle = \n+++\nx", "---\n\tx: 1\n---\nx"])
    func `that does not parse is refused in one line`(text: String) {
        #expect {
            try FrontMatter.read(text)
        } throws: { error in
            guard case FrontMatterError.invalid(let reason) = error else { return false }
            return !reason.isEmpty && !reason.contains("\n")
        }
    }

    @Test(arguments: ["---\n- a\n- b\n---\nx", "---\nword\n---\nx"])
    func `that is no table is refused`(text: String) {
        #expect(throws: FrontMatterError.notATable) { try FrontMatter.read(text) }
    }

    @Test func `keeps the last of a repeated name, as Jekyll does`() throws {
        let matter = try FrontMatter.read("---\ntitle: one\nimage:\n  url: a\ntitle: two\nimage:\n  url: b\npublished: true\n---\nx")
        #expect(matter.fields["title"]?.text == "two")
        #expect(matter.fields["image"]?["url"]?.text == "b")
        #expect(matter.fields["published"]?.bool == true)
        #expect(matter.remarks.count == 2)
    }

    @Test func `takes values of unexpected types without guessing`() throws {
        let matter = try FrontMatter.read("---\ntitle: 2018\npublished: \"no\"\nauthor: ~\ntags: {a: 1}\ndate:\n---\nx")
        #expect(matter.fields["title"]?.text == "2018")
        #expect(matter.fields["published"]?.bool == false)
        #expect(matter.fields["author"] == nil)
        #expect(matter.fields["tags"]?.text == nil)
        #expect(matter.fields["tags"]?.bool == nil)
        #expect(matter.fields["date"] == nil)
    }

    @Test func `does not grow when YAML aliases multiply`() throws {
        var text = "---\na0: &a0 [x, x, x, x, x, x, x, x]\n"
        for level in 1...20 { text += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 8).joined(separator: ", "))]\n" }
        #expect(try FrontMatter.read(text + "title: T\n---\nx").fields["title"]?.text == "T")
    }
}
