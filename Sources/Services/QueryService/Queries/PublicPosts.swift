import EventSourcing
import FoundationEssentials
import Postgres
import PublishingAPI

/// These posts as anybody may see them now; those that are no longer public, or not yet, are left out.
struct PublicPosts: ReadQuery {
    struct Post {
        let id: UUID
        let title: String?
        let slug: String?
        let author: PostDocument.Author
        let publishedAt: Timestamp?
        let viewCount: Int64
    }

    let ids: [UUID]

    static let models: [JoinedModel] = PostPage.models
    var statement: Statement { .publicPosts }
    var values: [SQLValue] { [.uuids(ids)] }

    func decode(_ rows: QueryResult) throws -> [UUID: Post] {
        var posts: [UUID: Post] = [:]
        for row in rows where !row.isNull(1) {
            let id: UUID = try row.get(1)
            posts[id] = Post(
                id: id, title: try row.get(3), slug: try row.get(4),
                author: PostDocument.Author(id: try row.get(2), username: try row.get(6), displayName: try row.get(7)),
                publishedAt: try row.millisecondsOrNil(5).map { Timestamp(milliseconds: $0) }, viewCount: try row.get(8))
        }
        return posts
    }
}

extension Statement {
    static let publicPosts = Statement(
        "public_posts",
        """
        SELECT model.position, post.id, post.author, post.title, post.slug, post.published_at, account.username, account.display_name,
            COALESCE(total.count, 0)
        FROM \(PublicPosts.models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = ANY ($1) AND post.published
        \(PostColumns.joins)
        """)
}
