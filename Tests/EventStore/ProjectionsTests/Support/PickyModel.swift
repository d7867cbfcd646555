/// A read model of views that refuses what would make more than five of a post.
enum PickyModel {
    static let folder = [
        "model": [
            "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, n bigint CONSTRAINT few_views CHECK (n <= 5))",
            "PostViewed.sql": "INSERT INTO t VALUES (:stream_id, :count) ON CONFLICT (id) DO UPDATE SET n = t.n + :count",
        ]
    ]

    /// The SQL that mends it.
    static let mending = "ALTER TABLE model.t DROP CONSTRAINT few_views"
}
