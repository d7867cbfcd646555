import FoundationEssentials
import Postgres

/// What every query of users selects after its leading columns.
enum UserColumns {
    /// From `account` (or a subquery of that name). The number of posts belongs to another model; as a subquery it is one look-up for each row, never a hash join.
    static let all = """
        account.id, account.username, account.email, account.display_name, account.bio, account.role, account.status, account.created_at, account.version, \
        COALESCE((SELECT published FROM posts.author_count WHERE author = account.id), 0)
        """
}

/// One account as it is shown.
struct UserRow {
    let id: UUID
    let username: String?
    let email: String?
    let displayName: String?
    let bio: String?
    let role: String
    let status: String
    /// Milliseconds since 1970 UTC.
    let createdAt: Int64
    let version: Int
    /// Published posts.
    let postCount: Int64

    /// Reads `UserColumns.all` from column `first` on; nil when the row stands for no account.
    init?(_ row: Row, from first: Int) throws {
        guard !row.isNull(first) else { return nil }
        id = try row.get(first)
        username = try row.get(first + 1)
        email = try row.get(first + 2)
        displayName = try row.get(first + 3)
        bio = try row.get(first + 4)
        role = try row.get(first + 5)
        status = try row.get(first + 6)
        createdAt = try row.milliseconds(first + 7)
        version = try row.get(first + 8)
        postCount = try row.get(first + 9)
    }
}
