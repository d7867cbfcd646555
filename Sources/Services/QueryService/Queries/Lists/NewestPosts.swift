import Postgres

/// The published posts, newest first, after a place in the list. Costs the same wherever that is.
struct NewestPosts: PostListQuery {
    let after: ListKey
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item) FROM posts.post
            WHERE published AND (published_at, id) < ($1, $2)
            ORDER BY published_at DESC, id DESC LIMIT \(PostList.lookAhead)
            """,
        order: "published_at", counted: PostList.publishedCount
    ).statement("newest_posts", limit: "$3")

    var values: [SQLValue] { after.asTime + [.int8(Int64(limit))] }
}

/// The published posts, newest first, after so many of them. Walks the index, not the table, over those that it leaves out.
struct NewestPostsByOffset: PostListQuery {
    let offset: Int
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item) FROM posts.post
            JOIN (
                SELECT id FROM posts.post WHERE published
                ORDER BY published_at DESC, id DESC OFFSET $1 LIMIT \(PostList.lookAhead)
            ) AS place USING (id)
            """,
        order: "published_at", counted: PostList.publishedCount
    ).statement("newest_posts_by_offset", limit: "$2")

    var values: [SQLValue] { [.int8(Int64(offset)), .int8(Int64(limit))] }
}
