import EventSourcing
import FoundationEssentials
import Postgres
import PublishingAPI

/// An account that is not closed, by its id.
struct UserByID: ReadQuery {
    let id: UUID

    static let models = UserPage.models
    var statement: Statement { .userByID }
    var values: [SQLValue] { [.uuid(id)] }

    func entity(in answer: UserDocument?) -> UUID? { id }

    func decode(_ rows: QueryResult) throws -> UserDocument? {
        try rows.first.flatMap { try UserDocument($0, from: 1) }
    }
}

/// A list of users: those with a username, or all that are not closed, newest first, after a place in the list.
struct UserListQuery: ReadQuery {
    static let models = UserPage.models
    let statement: Statement
    let values: [SQLValue]

    /// One, or for a moment two while the name passes from one to another.
    init(username: String) { (statement, values) = (.usersByName, [.text(username)]) }

    init(after: ListKey, limit: Int) { (statement, values) = (.newestUsers, after.asTime + [.int8(Int64(limit))]) }

    func decode(_ rows: QueryResult) throws -> UserPage { try UserPage(rows) }
}

/// The answer of a list of users.
struct UserPage {
    static let models: [JoinedModel] = [.users, .posts]

    /// How many the whole list has.
    let total: Int64
    let users: [UserDocument]

    init(_ rows: QueryResult) throws {
        total = try rows[0].get(1)
        users = try rows.compactMap { try UserDocument($0, from: 2) }
    }
}

extension Statement {
    static let userByID = Statement(
        "user_by_id",
        """
        SELECT model.position, \(UserDocument.columns)
        FROM \(UserPage.models.lowestPosition) AS model
        LEFT JOIN users.account ON account.id = $1 AND account.status <> 'closed'
        """)

    static let usersByName = Statement(
        "users_by_name",
        """
        SELECT model.position, count(account.id) OVER (), \(UserDocument.columns)
        FROM \(UserPage.models.lowestPosition) AS model
        LEFT JOIN users.account ON account.username = $1 AND account.status <> 'closed'
        ORDER BY account.created_at DESC, account.id DESC
        """)

    static let newestUsers = Statement(
        "newest_users",
        """
        SELECT model.position, counted.total, \(UserDocument.columns)
        FROM \(UserPage.models.lowestPosition) AS model
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
}

extension UserDocument {
    /// The columns that every query of users selects after its leading ones, from `account` (or a subquery of that name). The number of posts belongs
    /// to another model; as a subquery it is one look-up a row, never a hash join.
    static let columns = """
        account.id, account.username, account.email, account.display_name, account.bio, account.role, account.status, account.created_at, \
        account.version, COALESCE((SELECT published FROM posts.author_count WHERE author = account.id), 0)
        """

    /// Reads `columns` from column `first` on; nil when the row stands for no account.
    init?(_ row: Row, from first: Int) throws {
        guard !row.isNull(first) else { return nil }
        self.init(
            id: try row.get(first), username: try row.get(first + 1), role: try row.get(first + 5),
            createdAt: Timestamp(milliseconds: try row.milliseconds(first + 7)))
        email = try row.get(first + 2)
        displayName = try row.get(first + 3)
        bio = try row.get(first + 4)
        status = try row.get(first + 6)
        version = try row.get(first + 8)
        postCount = try row.get(first + 9)
    }
}
