import Postgres
import PublishingAPI

/// The accounts that are not closed, newest first, after a place in the list.
struct NewestUsers: ReadQuery {
    let after: ListKey
    let limit: Int

    static let models: [JoinedModel] = [.users, .posts]
    static let statement = Statement(
        "newest_users",
        """
        SELECT model.position, counted.total, \(UserColumns.all)
        FROM \(models.lowestPosition) AS model
        CROSS JOIN (SELECT COALESCE(sum(count), 0)::bigint AS total FROM users.account_count WHERE status <> 'closed') AS counted
        LEFT JOIN (
            SELECT * FROM (
                SELECT * FROM users.account
                WHERE status <> 'closed' AND (created_at, id) < ($1, $2)
                ORDER BY created_at DESC, id DESC LIMIT \(PostList.lookAhead)
            ) AS account ORDER BY created_at DESC, id DESC LIMIT $3
        ) AS account ON true
        ORDER BY account.created_at DESC, account.id DESC
        """)

    var values: [SQLValue] { after.asTime + [.int8(Int64(limit))] }

    func decode(_ rows: QueryResult) throws -> UserPage { try UserPage(rows) }
}

/// The answer of a list of users.
struct UserPage {
    /// How many the whole list has.
    let total: Int64
    let users: [UserDocument]

    init(_ rows: QueryResult) throws {
        total = try rows[0].get(1)
        users = try rows.compactMap { try UserDocument($0, from: 2) }
    }
}
