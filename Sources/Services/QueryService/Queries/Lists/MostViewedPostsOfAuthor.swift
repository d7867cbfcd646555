import FoundationEssentials
import Postgres

// An author's posts and their views are two models, so no index has this order: these statements sort all of the author's posts.

/// One author's published posts, most viewed first, after a place in the list.
struct MostViewedPostsOfAuthor: PostListQuery {
    let author: UUID
    let after: ListKey
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item), COALESCE(viewed.count, 0) AS views FROM posts.post
            LEFT JOIN view_counts.total AS viewed ON viewed.post = post.id
            WHERE post.author = $1 AND post.published AND (COALESCE(viewed.count, 0), post.id) < ($2, $3)
            ORDER BY views DESC, post.id DESC LIMIT \(PostList.lookAhead)
            """,
        order: "views", counted: PostList.authorCount("published")
    ).statement("most_viewed_posts_of_author", limit: "$4")

    var values: [SQLValue] { [.uuid(author)] + after.asCount + [.int8(Int64(limit))] }
}

/// One author's published posts, most viewed first, after so many of them.
struct MostViewedPostsOfAuthorByOffset: PostListQuery {
    let author: UUID
    let offset: Int
    let limit: Int

    static let statement = PostList(
        rows: """
            SELECT \(PostColumns.item), COALESCE(viewed.count, 0) AS views FROM posts.post
            LEFT JOIN view_counts.total AS viewed ON viewed.post = post.id
            WHERE post.author = $1 AND post.published
            ORDER BY views DESC, post.id DESC OFFSET $2 LIMIT \(PostList.lookAhead)
            """,
        order: "views", counted: PostList.authorCount("published")
    ).statement("most_viewed_posts_of_author_by_offset", limit: "$3")

    var values: [SQLValue] { [.uuid(author), .int8(Int64(offset)), .int8(Int64(limit))] }
}
