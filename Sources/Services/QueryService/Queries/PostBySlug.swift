import FoundationEssentials
import HTTPContract
import Postgres
import PublishingAPI

/// The post that holds a slug, draft or not.
struct PostBySlug: ReadQuery {
    let slug: String

    /// Nil for what can be nobody's slug, whatever the read model says.
    init?(_ text: String) {
        guard 1...300 ~= text.utf8.count, WireText(text).allSatisfy({ $0 == UInt8(ascii: "-") || $0.isLowercaseAlphanumeric }) else { return nil }
        slug = text
    }

    static let models: [JoinedModel] = [.posts, .users, .viewCounts]
    // Claims keep slugs unique, but a read model may show both posts for a moment while a slug passes from one to the other.
    static let statement = Statement(
        "post_by_slug",
        """
        SELECT model.position, \(PostColumns.all(text: "content"))
        FROM \(models.lowestPosition) AS model
        LEFT JOIN LATERAL (SELECT * FROM posts.post WHERE slug = $1 ORDER BY updated_at DESC, id LIMIT 1) AS post ON true
        \(PostColumns.joins)
        """)

    var values: [SQLValue] { [.text(slug)] }

    // Without a row nothing tells whose slug it would be.
    func entity(in answer: PostDocument?) -> UUID? { answer?.id }

    func decode(_ rows: QueryResult) throws -> PostDocument? {
        try rows.first.flatMap { try PostDocument($0, from: 1) { .content($0) } }
    }
}

extension UInt8 {
    fileprivate var isLowercaseAlphanumeric: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self || UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}
