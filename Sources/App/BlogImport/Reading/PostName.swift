package import EventSourcing
import Publishing

/// A post's name, date and language from its path: `_posts/2016-1-05-swift-2.2.md` is `swift-2.2` of 5 January 2016, and
/// `content/blog/hello/index.fr.md` is `hello` in French.
package struct PostName: Sendable, Equatable {
    package let name: String
    package let language: String?
    package let date: Timestamp?

    /// - Parameter siblings: the paths of all files without their extensions. `node.js.md` is a translation only where `node.md` is beside it.
    package init(path: String, siblings: Set<String> = []) {
        var parts = path.split(separator: "/").map(String.init)
        let file = parts.popLast() ?? ""
        let stem = file.withoutLastPart
        let base = stem.withoutLastPart
        let ending = stem.dropFirst(base.unicodeScalars.count + 1)
        let folder = parts.map { $0 + "/" }.joined()
        let isTranslation =
            base != stem && Self.isLanguage(ending)
            && (base.lowercased() == "index" || siblings.contains { $0 != folder + stem && $0.withoutLanguage == folder + base })
        language = isTranslation ? ending.lowercased() : nil
        var name = isTranslation ? base : stem
        // A page bundle's name is its folder's.
        if name.lowercased() == "index", let bundle = parts.popLast() { name = bundle }
        let (date, rest) = BlogDate.leading(name)
        self.name = rest
        self.date = date ?? parts.indices.lazy.compactMap { BlogDate.parts(parts[$0...]) }.first
    }

    /// A primary subtag and at most one more (RFC 5646 §2.1): `en`, `pt-br`, `zh-hans`.
    static func isLanguage(_ text: some StringProtocol) -> Bool {
        let tags = text.split(separator: "-", omittingEmptySubsequences: false)
        let isWord = { (tag: Substring) in tag.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 } }
        return (1...2).contains(tags.count) && 2...3 ~= tags[0].utf8.count && tags.dropFirst().allSatisfy { 2...4 ~= $0.utf8.count }
            && tags.allSatisfy { isWord(Substring($0)) }
    }
}

extension String {
    /// Without the last dot and what follows; the same where there is none or only one at the start.
    var withoutLastPart: String {
        guard let dot = lastIndex(of: "."), dot > startIndex else { return self }
        return String(self[..<dot])
    }

    fileprivate var withoutLanguage: String {
        let base = withoutLastPart
        return base != self && PostName.isLanguage(dropFirst(base.count + 1)) ? base : self
    }
}
