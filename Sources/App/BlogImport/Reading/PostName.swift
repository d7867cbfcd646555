package import EventSourcing

/// What a post's path says about it: `_posts/2016-1-05-swift-2.2.md` is `swift-2-2` of 5 January 2016; `content/blog/hello/index.md` is `hello`.
package struct PostName: Sendable, Equatable {
    package let slug: String
    package let date: Timestamp?

    package init(path: String) {
        var parts = path.split(separator: "/").map(String.init)
        if let last = parts.indices.last { parts[last] = Self.withoutExtension(parts[last]) }
        // A page bundle's name is its folder's.
        if parts.count > 1, parts.last?.lowercased() == "index" { parts.removeLast() }
        let (date, rest) = BlogDate.leading(parts.last ?? "")
        let candidates = [rest, parts.joined(separator: "-")].map(Slug.folding)
        self.slug = candidates.first { !$0.isEmpty } ?? "post"
        self.date = date
    }

    private static func withoutExtension(_ name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
        return String(name[..<dot])
    }
}
