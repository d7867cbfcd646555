/// Everything that is asked, by name.
enum Statements {
    private static let columns = """
        p.id, p.title, p.slug, p.published, COALESCE(t.count, 0), a.id, a.username, a.display_name, \
        \(time("p.created_at")), \(time("p.updated_at")), \(time("p.published_at")), p.version
        """
    private static let tables = """
        posts.post AS p JOIN users.account AS a ON a.id = p.author LEFT JOIN view_counts.total AS t ON t.post = p.id
        """
    private static let byID = "SELECT \(columns), p.content FROM \(tables) WHERE p.id = $1::uuid AND p.published"
    private static let bySlug = "SELECT \(columns), p.content FROM \(tables) WHERE p.slug = $1 AND p.published"
    private static let viewed = "WITH viewed AS (UPDATE view_counts.total SET count = count + 1 WHERE published AND post ="
    private static let list = "SELECT \(columns), p.excerpt, (SELECT count FROM posts.published_count) FROM \(tables) WHERE p.published"
    private static let insert = """
        INSERT INTO posts.post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
        VALUES (gen_random_uuid(), $1::uuid, $2, $3, $4, left($4, 200), false, now(), now(), 1) RETURNING id
        """

    static let all = [
        "post by id": byID,
        "post by slug": bySlug,
        "view by id": "\(viewed) $1::uuid) \(byID)",
        "view by slug": "\(viewed) (SELECT id FROM posts.post WHERE slug = $1)) \(bySlug)",
        "newest posts": "\(list) ORDER BY p.published_at DESC, p.id DESC LIMIT 20",
        "most viewed posts": "\(list) AND t.published ORDER BY t.count DESC, t.post DESC LIMIT 20",
        "insert post": insert,
    ]

    private static func time(_ column: String) -> String {
        "to_char(\(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    }
}
