import EventSourcing
import Publishing

/// The slugs that a post may have, best first: the wanted one; with its language; with its date; with a number.
struct SlugCandidates: Sequence {
    private let candidates: [String]

    /// - Parameter wanted: the first to try, where it is not the post's own.
    init(_ post: BlogPost, from wanted: String? = nil) {
        var bases = [post.slug]
        if let language = post.language { bases.append(Self.appending("-\(language)", to: post.slug)) }
        if let date = post.date { bases.append(Self.appending("-\(date.description.prefix(10))", to: post.slug)) }
        let numbered = (2...99).map { Self.appending("-\($0)", to: bases.last ?? post.slug) }
        let all = bases + numbered
        candidates = Array(all[(wanted.flatMap { all.firstIndex(of: $0) } ?? 0)...])
    }

    func makeIterator() -> IndexingIterator<[String]> { candidates.makeIterator() }

    private static func appending(_ suffix: String, to slug: String) -> String {
        var slug = slug.prefix(Slug.maximumLength - suffix.utf8.count)
        while slug.hasSuffix("-") { slug.removeLast() }
        return slug + suffix
    }
}
