import EventSourcing
import Publishing

/// The slugs that a post may have, best first: the wanted one; with its language; with its date; with a number.
struct SlugCandidates: Sequence {
    private let candidates: [String]

    /// - Parameter wanted: the first to try, where it is not the post's own.
    init(_ post: BlogPost, from wanted: String? = nil) {
        let own = Slug(for: post.slug)
        var bases = [own]
        if let language = post.language { bases.append(own.appending(Slug(for: language))) }
        if let date = post.date { bases.append(own.appending(Slug(for: String(date.description.prefix(10))))) }
        let last = bases[bases.endIndex - 1]
        let all = (bases + (2...99).map { last.numbered($0) }).map(\.text)
        candidates = Array(all[(wanted.flatMap { all.firstIndex(of: $0) } ?? 0)...])
    }

    func makeIterator() -> IndexingIterator<[String]> { candidates.makeIterator() }
}
