import FoundationEssentials
import Postgres
import PublishingAPI

/// An account that is not closed, by its id.
struct UserByID: ReadQuery {
    let id: UUID

    static let models: [JoinedModel] = [.users, .posts]
    static let statement = Statement(
        "user_by_id",
        """
        SELECT model.position, \(UserColumns.all)
        FROM \(models.lowestPosition) AS model
        LEFT JOIN users.account ON account.id = $1 AND account.status <> 'closed'
        """)

    var values: [SQLValue] { [.uuid(id)] }

    func entity(in answer: UserDocument?) -> UUID? { id }

    func decode(_ rows: QueryResult) throws -> UserDocument? {
        try rows.first.flatMap { try UserDocument($0, from: 1) }
    }
}
