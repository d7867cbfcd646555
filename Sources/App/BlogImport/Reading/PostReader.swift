import EventSourcing
import Publishing

/// Makes a post from one file's text, and remarks on each thing that it makes up, leaves out or mends.
struct PostReader {
    /// Why a file that may be a post can't become one.
    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// A page of the site, such as its imprint.
    struct Page: Error {}

    let file: String
    let siblings: Set<String>
    let now: Timestamp
    private(set) var remarks: [String] = []

    init(file: String, siblings: Set<String> = [], now: Timestamp) {
        self.file = file
        self.siblings = siblings
        self.now = now
    }

    /// Reads the post. A file whose front matter can't be read is refused: it may say that the post is a draft.
    mutating func read(_ text: String) throws -> BlogPost {
        let matter: FrontMatter
        do {
            matter = try FrontMatter.read(text)
        } catch {
            throw Refused(description: "\(error)")
        }
        remarks += matter.remarks
        let fields = matter.fields
        if ["type", "layout", "postType"].contains(where: { fields[$0]?.text?.lowercased() == "page" }) { throw Page() }
        let content = try content(of: matter.body)
        let name = PostName(path: file, siblings: siblings)
        let address = PostAddress(fields)
        let slug = slug(address, name)
        noteWhatIsLeftOut(fields)
        let dates = PostDates(fields, address: address.date, name: name.date, now: now)
        let stated = PostVisibility(fields, file: file, isHeadless: matter.isAbsent).objection ?? dates.objection
        let visibility = stated.map { Visibility.draft(because: $0) } ?? dates.visibility
        switch visibility {
        case .everyone: break
        case .scheduled(let time): remarks.append("is to be published on \(time)")
        case .draft(let reason): remarks.append("stays a draft: \(reason)")
        }
        return BlogPost(
            slug: slug, namesItsSlug: address.name != nil, language: name.language, title: title(in: fields, slug), authors: authors(in: fields),
            date: dates.first, visibility: visibility, asksToBePublic: stated == nil, content: content,
            images: ImageReferences.relative(in: content, fields))
    }

    private mutating func content(of body: String) throws -> String {
        let (content, wasCleaned) = body.cleanedProse
        if wasCleaned { remarks.append("control characters were removed") }
        guard !content.trimmed.isEmpty else { throw Refused(description: "has no content") }
        do throws(TextViolation) {
            return try Content(content).text
        } catch {
            throw Refused(description: "its text \(error.message)")
        }
    }

    private mutating func slug(_ address: PostAddress, _ name: PostName) -> String {
        Slug(for: address.name ?? name.name).text
    }

    private mutating func title(in fields: FrontMatterValue, _ slug: String) -> String {
        guard let written = fields["title"]?.text, case let (cleaned, wasCleaned) = written.cleanedLine, let title = Title(beginningOf: cleaned)
        else {
            let words = slug.split(separator: "-").joined(separator: " ")
            let title = Title(beginningOf: words.prefix(1).uppercased() + words.dropFirst())?.text ?? slug
            remarks.append("has no title; \"\(title)\" is used")
            return title
        }
        if wasCleaned { remarks.append("line breaks or control characters in its title were removed") }
        if title.text.utf8.count < cleaned.utf8.count { remarks.append("its title was cut after \(title.text.unicodeScalars.count) characters") }
        return title.text
    }

    private mutating func authors(in fields: FrontMatterValue) -> [String] {
        let tables = [fields, fields["taxonomies"], fields["extra"], fields["params"]]
        let names =
            tables.lazy.flatMap { table in ["author", "authors", "primaryAuthor"].map { table?[$0]?.names ?? [] } }.first { !$0.isEmpty } ?? []
        var seen: Set<String> = []
        let authors = names.map(\.cleanedLine.text).filter { !$0.isEmpty && seen.insert($0).inserted }
        guard authors.isEmpty else { return authors }
        remarks.append("has no author; \(BlogPost.unknownAuthor) owns it")
        return [BlogPost.unknownAuthor]
    }

    private mutating func noteWhatIsLeftOut(_ fields: FrontMatterValue) {
        let aliases = ["aliases", "redirectFrom"].flatMap { fields[$0]?.names ?? [] }
        if !aliases.isEmpty { remarks.append("\(aliases.count) former \(aliases.count == 1 ? "address is" : "addresses are") not kept") }
    }
}

/// A post's address in the front matter: Hugo's `url`, Zola's `path`, Jekyll's `permalink`, everybody's `slug`.
private struct PostAddress {
    /// The last part; nil when none is written, or only a pattern.
    private(set) var name: String?
    private(set) var date: Timestamp?

    init(_ fields: FrontMatterValue) {
        for field in ["slug", "url", "path", "permalink"] {
            guard let written = fields[field]?.text, fields[field]?.bool == nil, !written.contains(":"), !written.contains("{") else { continue }
            var parts = written.split(separator: "/").map(String.init)
            if let last = parts.last?.lowercased(), last == "index.html" { parts.removeLast() }
            if date == nil { date = parts.indices.lazy.compactMap { BlogDate.parts(parts[$0...]) }.first }
            guard name == nil, let last = parts.last else { continue }
            name = last.lowercased().hasSuffix(".html") ? last.withoutLastPart : last
        }
    }
}

extension TextValue {
    /// The longest beginning of a text that becomes a value; nil when none does.
    init?(beginningOf text: String) {
        let scalars = Array(text.unicodeScalars)
        func value(_ count: Int) -> Self? {
            var beginning = String.UnicodeScalarView()
            beginning.append(contentsOf: scalars[..<count])
            return try? Self(String(beginning).trimmed)
        }
        if let whole = value(scalars.count) {
            self = whole
            return
        }
        var longest: Self?
        var (low, high) = (0, scalars.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if let value = value(middle) { (longest, low) = (value, middle) } else { high = middle - 1 }
        }
        guard let longest else { return nil }
        self = longest
    }
}

extension String {
    /// Without control characters other than line breaks and tabs, and whether there were any. Form feeds, vertical tabs and lone CRs become
    /// line breaks.
    fileprivate var cleanedProse: (text: String, wasCleaned: Bool) {
        var scalars = String.UnicodeScalarView()
        var wasCleaned = false
        var previous: Unicode.Scalar?
        for scalar in unicodeScalars {
            if previous == "\r", scalar != "\n" {
                scalars.removeLast()
                scalars.append("\n")
            }
            switch scalar {
            case "\n", "\r", "\t": scalars.append(scalar)
            case "\u{0B}", "\u{0C}":
                scalars.append("\n")
                wasCleaned = true
            case _ where scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value: wasCleaned = true
            default: scalars.append(scalar)
            }
            previous = scalars.last
        }
        if previous == "\r" {
            scalars.removeLast()
            scalars.append("\n")
        }
        return (String(scalars), wasCleaned)
    }

    /// One line without control characters, separators of lines and controls of direction, and whether there were any.
    var cleanedLine: (text: String, wasCleaned: Bool) {
        var scalars = String.UnicodeScalarView()
        var wasCleaned = false
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                wasCleaned = true
                if scalar != "\0", scalars.last != " " { scalars.append(" ") }
            case .format where scalar.properties.isBidiControl: wasCleaned = true
            default: scalars.append(scalar)
            }
        }
        let text = String(scalars).trimmed
        return (text, wasCleaned)
    }
}
