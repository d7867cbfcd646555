import Postgres

/// The published posts, most viewed first, after a place in the list. The counts' own index leads; a post that the other model does not show yet is
/// skipped.
struct MostViewedPosts: PostListQuery {
    let after: ListKey
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item), viewed.count AS views FROM view_counts.total AS viewed
            JOIN posts.post ON post.id = viewed.post AND post.published
            WHERE viewed.published AND (viewed.count, viewed.post) < ($1, $2)
            ORDER BY viewed.count DESC, viewed.post DESC LIMIT \(PostList.lookAhead)
            """,
        order: "views", counted: PostList.publishedCount
    ).statement("most_viewed_posts", limit: "$3")

    var values: [SQLValue] { after.asCount + [.int8(Int64(limit))] }
}

/// The published posts, most viewed first, after so many of them.
struct MostViewedPostsByOffset: PostListQuery {
    let offset: Int
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item), place.views FROM posts.post
            JOIN (
                SELECT post AS id, count AS views FROM view_counts.total WHERE published
                ORDER BY count DESC, post DESC OFFSET $1 LIMIT \(PostList.lookAhead)
            ) AS place USING (id)
            WHERE post.published
            """,
        order: "views", counted: PostList.publishedCount
    ).statement("most_viewed_posts_by_offset", limit: "$2")

    var values: [SQLValue] { [.int8(Int64(offset)), .int8(Int64(limit))] }
}
