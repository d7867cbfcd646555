import Postgres

/// The account with a username: one, or for a moment two while the name passes from one to another.
struct UsersByName: ReadQuery {
    let username: String

    static let models: [JoinedModel] = [.users, .posts]
    static let statement = Statement(
        "users_by_name",
        """
        SELECT model.position, count(account.id) OVER (), \(UserColumns.all)
        FROM \(models.lowestPosition) AS model
        LEFT JOIN users.account ON account.username = $1 AND account.status <> 'closed'
        ORDER BY account.created_at DESC, account.id DESC
        """)

    var values: [SQLValue] { [.text(username)] }

    func decode(_ rows: QueryResult) throws -> UserPage { try UserPage(rows) }
}
