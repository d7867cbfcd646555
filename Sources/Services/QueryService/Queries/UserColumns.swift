import EventSourcing
import FoundationEssentials
import Postgres
import PublishingAPI

/// The columns that every query of users selects after its leading ones.
enum UserColumns {
    /// From `account` (or a subquery of that name). The number of posts belongs to another model; as a subquery it is one look-up a row, never a hash
    /// join.
    static let all = """
        account.id, account.username, account.email, account.display_name, account.bio, account.role, account.status, account.created_at, \
        account.version,         COALESCE((SELECT published FROM posts.author_count WHERE author = account.id), 0)
        """
}

extension UserDocument {
    /// Reads `UserColumns.all` from column `first` on; nil when the row stands for no account.
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
