import FoundationEssentials
import Postgres

/// One question to the read database: a named statement, its values, and what its rows mean.
///
/// Every statement answers with at least one row whose first column is the lowest position of the models it joins. An answer and its freshness then
/// come from one snapshot, even when there is nothing to show.
protocol ReadQuery: Sendable {
    associatedtype Answer

    /// The models that the statement joins.
    static var models: [JoinedModel] { get }

    var statement: Statement { get }
    /// The values of `$1`, `$2`, …
    var values: [SQLValue] { get }

    /// Reads the rows; column 0 is the position.
    func decode(_ rows: QueryResult) throws -> Answer

    /// The one post or user that was asked for; nil for a list, and where nothing was found.
    func entity(in answer: Answer) -> UUID?
}

extension ReadQuery {
    func entity(in answer: Answer) -> UUID? { nil }

    static var modelNames: [String] { models.map(\.rawValue) }
}

/// The read models that queries join: each the name of a schema and of its checkpoint.
struct JoinedModel: RawRepresentable, Sendable {
    let rawValue: String

    static let posts = JoinedModel(rawValue: "posts")
    static let users = JoinedModel(rawValue: "users")
    static let viewCounts = JoinedModel(rawValue: "view_counts")
    static let trending = JoinedModel(rawValue: "trending")
    static let all = [posts, users, viewCounts, trending]
}

extension [JoinedModel] {
    /// A derived table of one row with the lowest position of these models; 0 while one of them has not started.
    var lowestPosition: String {
        let names = map { "'\($0.rawValue)'" }.joined(separator: ", ")
        return "(SELECT CASE count(*) WHEN \(count) THEN min(position) ELSE 0 END AS position FROM annals.checkpoints WHERE model IN (\(names)))"
    }
}
