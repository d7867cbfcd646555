import FoundationEssentials
import Postgres

/// The post that holds a slug, draft or not.
struct PostBySlug: ReadQuery {
    let slug: String

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
    func entity(in answer: PostRow?) -> UUID? { answer?.id }

    func decode(_ rows: QueryResult) throws -> PostRow? {
        try rows.first.flatMap { try PostRow($0, from: 1) }
    }
}
