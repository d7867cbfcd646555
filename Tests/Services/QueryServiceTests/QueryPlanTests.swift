import EventSourcing
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `The plan of a query` {
    /// Every query, with values that have it work.
    static let queries: [(statement: Statement, values: String)] = [
        (.postByID, "\(somePost)"), (.postBySlug, "'slug-7'"), (.publishedPost, "\(somePost)"),
        (.publicPosts, "ARRAY[\(somePost)]::uuid[]"),
        (.totalsOfAuthor, "\(someAuthor)"), (.trendingPosts, "'2026-01-02 00:30:00Z', 6"), (.userByID, "\(someAuthor)"), (.usersByName, "'user7'"),
        (.newestUsers, "'infinity', \(lastID), 21"),
        (.hourlyViews, "\(somePost), '-infinity', 'infinity', 'infinity', 21"),
        (.dailyViews, "\(somePost), '-infinity', 'infinity', 'infinity', 21"),
        (PostList.newest.afterRow, "\(someTime), \(somePost), 21"),
        (PostList.newestOfAuthor.afterRow, "\(someAuthor), \(someTime), \(somePost), 21"),
        (PostList.allOfAuthor.afterRow, "\(someAuthor), \(someTime), \(somePost), 21"),
        (PostList.mostViewed.afterRow, "50, \(somePost), 21"),
        (PostList.mostViewedOfAuthor.afterRow, "\(someAuthor), 50, \(somePost), 21"), (PostList.newest.afterOffset, "2000, 21"),
        (PostList.newestOfAuthor.afterOffset, "\(someAuthor), 5, 21"), (PostList.allOfAuthor.afterOffset, "\(someAuthor), 5, 21"),
        (PostList.mostViewed.afterOffset, "2000, 21"), (PostList.mostViewedOfAuthor.afterOffset, "\(someAuthor), 5, 21"),
    ]

    @Test func `reads no large table from end to end, and sorts no more than a page or an author's posts, whatever it is asked for`() async throws {
        try await withReadDatabase { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                try await pool.withSession { session in
                    try await session.execute(script: Self.filling)
                    try await session.execute(script: "VACUUM ANALYZE")
                    // The plan that a prepared statement ends up with: made once, for every value of its parameters.
                    try await session.execute(script: "SET plan_cache_mode = force_generic_plan")
                    for query in Self.queries {
                        try await session.execute(script: "PREPARE \(query.statement.name) AS \(query.statement.sql)")
                        let explained = try await session.query(
                            Statement(
                                "explain_\(query.statement.name)",
                                "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE \(query.statement.name)(\(query.values))"))
                        let plan = try JSONValue.parse(explained[0].get(0, as: String.self)).elements[0]["Plan"]
                        try Self.judge(#require(plan), of: query.statement.name)
                    }
                }
            }
        }
    }

    @Test func `is looked at for every statement that tables are checked by before they go live`() {
        #expect(Set(ReadStatements.all) == Set(Self.queries.map(\.statement)))
    }

    private static func judge(_ plan: JSONValue, of name: String) throws {
        let kind = plan["Node Type"]?.text ?? ""
        let relation = plan["Relation Name"]?.text ?? ""
        let rows = plan.actualRows ?? 0
        #expect(kind != "Seq Scan" || !largeTables.contains(relation), "\(name): \(kind) of \(relation)")
        // The trend is a sum over a day, which is sorted once.
        if kind.hasSuffix("Sort"), name != Statement.trendingPosts.name {
            #expect(
                plan["Plans"]?.elements.allSatisfy { $0.actualRows ?? 0 <= Int64(PostList.lookAhead) } == true, "\(name): sorts \(rows) rows"
            )
        }
        for inner in plan["Plans"]?.elements ?? [] { try judge(inner, of: name) }
    }

    private static let largeTables: Set<String> = ["post", "account", "total", "hourly", "author_count", "bucket"]
    private static let someTime = "'2026-01-01 03:00:00Z'"
    private static let somePost = "'01980000-0000-7000-9000-000000002710'"
    private static let someAuthor = "'01980000-0000-7000-8000-000000000005'"
    private static let lastID = "'ffffffff-ffff-ffff-ffff-ffffffffffff'"

    /// 20,000 posts of 2,000 authors; each 40th post has views in many hours.
    private static let filling = """
        INSERT INTO users.account
        SELECT ('01980000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'user' || i, 'u' || i || '@example.org', 'U ' || i, NULL, 'user', 'active',
            timestamptz '2026-01-01 00:00:00Z' + i * interval '1 s', timestamptz '2026-01-01 00:00:00Z', 1
        FROM generate_series(1, 4000) AS i;
        INSERT INTO users.account_count VALUES ('active', 4000);
        INSERT INTO posts.post (id, author, title, slug, content, excerpt, published, created_at, updated_at, published_at, version)
        SELECT ('01980000-0000-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid, ('01980000-0000-7000-8000-' || lpad(to_hex(1 + i % 2000), 12, '0'))::uuid,
            'title ' || i, 'slug-' || i, repeat('content ', 100), repeat('content ', 25), i % 10 <> 0,
            timestamptz '2026-01-01 00:00:00Z' + i * interval '1 s', timestamptz '2026-01-01 00:00:00Z',
            CASE WHEN i % 10 <> 0 THEN timestamptz '2026-01-01 00:00:00Z' + i * interval '1 s' END, 1
        FROM generate_series(1, 20000) AS i;
        INSERT INTO posts.published_count VALUES (true, 18000);
        INSERT INTO posts.author_count SELECT author, count(*), count(*) FILTER (WHERE published) FROM posts.post GROUP BY author;
        INSERT INTO view_counts.total SELECT id, hashtext(id::text) & 127, published FROM posts.post;
        INSERT INTO trending.bucket
        SELECT timestamptz '2026-01-01 00:00:00Z' + h * interval '1 hour', id, h FROM posts.post, generate_series(1, 72) AS h
        WHERE hashtext(title) % 40 = 0;
        INSERT INTO view_counts.hourly SELECT id, date_trunc('hour', created_at, 'UTC') + h * interval '1 hour', 1
        FROM posts.post, generate_series(1, 50) AS h WHERE hashtext(title) % 40 = 0 OR slug = 'slug-10000';
        """
}

@Suite(.timeLimit(.minutes(5))) struct `A request` {
    @Test func `costs one round trip`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id, slug: "title").lowercased
            let paths = [
                "/api/v1/posts", "/api/v1/posts?sort=views&page=2", "/api/v1/posts/\(id)", "/api/v1/posts/by-slug/title", "/api/v1/posts/\(id)/views",
                "/api/v1/users/\(ann.id.lowercased)", "/api/v1/users/me", "/api/v1/users/me/totals", "/api/v1/posts/trending",
                "/api/v1/users/\(ann.id.lowercased)/posts",
            ]
            for path in paths {
                let before = try await room.statementsExecuted()
                #expect(try await room.get(path, as: ann).status == 200)
                #expect(try await room.statementsExecuted() - before == 1, "\(path)")
            }
        }
    }
}

extension Newsroom {
    /// How many statements of requests have been executed so far, as the one shared connection itself counts them.
    fileprivate func statementsExecuted() async throws -> Int64 {
        let counted = try await read.query(
            Statement(
                "count_statements",
                """
                SELECT COALESCE(sum(generic_plans + custom_plans), 0)::bigint FROM pg_prepared_statements
                WHERE statement NOT LIKE '%pg_prepared_statements%' AND statement NOT LIKE '%folder_version%'
                """))
        return try counted[0].get(0)
    }
}
