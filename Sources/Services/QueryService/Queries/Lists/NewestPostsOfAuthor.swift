import FoundationEssentials
import Postgres

/// One author's published posts, newest first, after a place in the list.
struct NewestPostsOfAuthor: PostListQuery {
    let author: UUID
    let after: ListKey
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item) FROM posts.post
            WHERE author = $1 AND published AND (published_at, id) < ($2, $3)
            ORDER BY published_at DESC, id DESC LIMIT \(PostList.lookAhead)
            """,
        order: "published_at", counted: PostList.authorCount("published")
    ).statement("newest_posts_of_author", limit: "$4")

    var values: [SQLValue] { [.uuid(author)] + after.asTime + [.int8(Int64(limit))] }
}

/// One author's published posts, newest first, after so many of them.
struct NewestPostsOfAuthorByOffset: PostListQuery {
    let author: UUID
    let offset: Int
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item) FROM posts.post
            JOIN (
                SELECT id FROM posts.post WHERE author = $1 AND published
                ORDER BY published_at DESC, id DESC OFFSET $2 LIMIT \(PostList.lookAhead)
            ) AS place USING (id)
            """,
        order: "published_at", counted: PostList.authorCount("published")
    ).statement("newest_posts_of_author_by_offset", limit: "$3")

    var values: [SQLValue] { [.uuid(author), .int8(Int64(offset)), .int8(Int64(limit))] }
}
