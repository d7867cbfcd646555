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

extension ReadDatabase {
    /// From now on each failure is one of the last minute, however slow the machine is.
    func countFailuresForLong() async throws {
        try await run("ALTER TABLE annals.parked_events ALTER COLUMN parked_at SET DEFAULT clock_timestamp() + interval '1 hour'")
    }
}
