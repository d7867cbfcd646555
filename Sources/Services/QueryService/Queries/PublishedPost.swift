import FoundationEssentials
import Postgres

/// The author of a post that everyone may see; nil when there is no such post.
struct PublishedPost: ReadQuery {
    let id: UUID

    static let models: [JoinedModel] = [.posts]
    static let statement = Statement(
        "published_post",
        """
        SELECT model.position, post.author
        FROM \(models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1 AND post.published
        """)

    var values: [SQLValue] { [.uuid(id)] }

    func entity(in answer: UUID?) -> UUID? { id }

    func decode(_ rows: QueryResult) throws -> UUID? {
        try rows[0].get(1)
    }
}
