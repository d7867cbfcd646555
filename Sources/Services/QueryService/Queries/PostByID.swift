import FoundationEssentials
import Postgres
import PublishingAPI

/// A post by its id, draft or not.
struct PostByID: ReadQuery {
    let id: UUID

    static let models: [JoinedModel] = [.posts, .users, .viewCounts]
    static let statement = Statement(
        "post_by_id",
        """
        SELECT model.position, \(PostColumns.all(text: "content"))
        FROM \(models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1
        \(PostColumns.joins)
        """)

    var values: [SQLValue] { [.uuid(id)] }

    func entity(in answer: PostDocument?) -> UUID? { id }

    func decode(_ rows: QueryResult) throws -> PostDocument? {
        try rows.first.flatMap { try PostDocument($0, from: 1) { .content($0) } }
    }
}
