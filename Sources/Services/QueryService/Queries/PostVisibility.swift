import FoundationEssentials
import Postgres

/// Whether a post is there for everyone.
struct PostVisibility: ReadQuery {
    let id: UUID

    static let models: [JoinedModel] = [.posts]
    static let statement = Statement(
        "post_visibility",
        """
        SELECT model.position, COALESCE(post.published, false)
        FROM \(models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1
        """)

    var values: [SQLValue] { [.uuid(id)] }

    func entity(in answer: Bool) -> UUID? { id }

    func decode(_ rows: QueryResult) throws -> Bool {
        try rows[0].get(1)
    }
}
