import EventSourcing

/// Makes a post from one file's text, and says what it had to make up, leave out or mend on the way.
struct PostReader {
    let file: String
    let now: Timestamp
    private(set) var oddities: [Oddity] = []

    init(file: String, now: Timestamp) {
        self.file = file
        self.now = now
    }

    /// Nil when the file can't become a post. One whose front matter can't be read is left out, not guessed at: it may have said that it is a draft.
    mutating func read(_ text: String) -> BlogPost? {
        let matter: FrontMatter
        do {
            matter = try FrontMatter.read(text)
        } catch {
            note("\(error); skipped")
            return nil
        }
        matter.remarks.forEach { note($0) }
        guard let content = content(of: matter.body) else { return nil }
        let name = PostName(path: file)
        let slug = slug(in: matter.fields, name)
        let isPublished = isPublished(in: matter.fields)
        return BlogPost(
            file: file, slug: slug, title: title(in: matter.fields, slug), authors: authors(in: matter.fields),
            date: date(in: matter.fields, name, isPublished: isPublished), isPublished: isPublished, content: content)
    }

    private mutating func note(_ message: String) {
        oddities.append(Oddity(file: file, message: message))
    }

    private mutating func content(of body: String) -> String? {
        var content = body
        if content.utf8.contains(0) {
            content.unicodeScalars.removeAll { $0 == "\0" }
            note("NUL characters were removed")
        }
        guard !content.trimmed.isEmpty else {
            note("has no content; skipped")
            return nil
        }
        let length = content.unicodeScalars.count
        guard length <= BlogPost.maximumContentLength else {
            note("has \(length) characters, more than \(BlogPost.maximumContentLength); skipped")
            return nil
        }
        return content
    }

    private mutating func slug(in fields: FrontMatterValue, _ name: PostName) -> String {
        if let written = fields["slug"] {
            let slug = Slug.folding(written.text ?? "")
            if !slug.isEmpty { return slug }
            note("its slug has no letter that an address can have; the file's name is used")
        }
        return name.slug
    }

    private mutating func title(in fields: FrontMatterValue, _ slug: String) -> String {
        guard let written = fields["title"]?.text?.withoutNUL, !written.isEmpty else {
            let words = slug.split(separator: "-").joined(separator: " ")
            let title = words.prefix(1).uppercased() + words.dropFirst()
            note("has no title; \"\(title)\" is used")
            return String(title.prefix(BlogPost.maximumTitleLength))
        }
        guard written.unicodeScalars.count > BlogPost.maximumTitleLength else { return written }
        note("its title has more than \(BlogPost.maximumTitleLength) characters and was cut")
        return String(String.UnicodeScalarView(written.unicodeScalars.prefix(BlogPost.maximumTitleLength))).trimmed
    }

    private mutating func authors(in fields: FrontMatterValue) -> [String] {
        let places = [
            fields["author"], fields["authors"], fields["taxonomies"]?["authors"], fields["taxonomies"]?["author"], fields["extra"]?["authors"],
            fields["extra"]?["author"],
        ]
        var seen: Set<String> = []
        let names = places.lazy.compactMap { $0?.names }.first { !$0.isEmpty } ?? []
        let authors = names.map(\.withoutNUL).filter { !$0.isEmpty && seen.insert($0).inserted }
        guard authors.isEmpty else { return authors }
        note("has no author; \(BlogPost.unknownAuthor) owns it")
        return [BlogPost.unknownAuthor]
    }

    private mutating func isPublished(in fields: FrontMatterValue) -> Bool {
        for (name, wanted) in [("published", true), ("draft", false)] {
            guard let written = fields[name] else { continue }
            guard let value = written.bool else {
                note("\(name) is neither true nor false; it stays a draft")
                return false
            }
            if value != wanted { return false }
        }
        return true
    }

    private mutating func date(in fields: FrontMatterValue, _ name: PostName, isPublished: Bool) -> Timestamp? {
        let date: Timestamp?
        if let written = fields["date"] ?? fields["publishDate"] {
            date = written.text.flatMap { BlogDate.read($0) }
            if date == nil { note("its date \(written.text.map { "\"\($0)\" " } ?? "")can't be read; it has none of its own") }
        } else {
            date = name.date
            if date == nil, isPublished { note("has no date of its own") }
        }
        guard let date, date > now, isPublished else { return date }
        note("its date \(date) lies ahead; it is published now")
        return nil
    }
}

extension String {
    /// PostgreSQL's text can't hold NUL, so the system refuses it.
    fileprivate var withoutNUL: String {
        utf8.contains(0) ? String(String.UnicodeScalarView(unicodeScalars.filter { $0 != "\0" })).trimmed : self
    }
}
