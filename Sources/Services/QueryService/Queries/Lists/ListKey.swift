import EventSourcing
import FoundationEssentials
import JSON
import Postgres

/// Where a row stands in its list: what the list is ordered by, and the id that decides between equals.
struct ListKey: Sendable, Equatable {
    /// Milliseconds since 1970 UTC, or a number of views.
    let rank: Int64
    let id: UUID

    /// Before every row of a list that starts with the largest.
    static let start = ListKey(rank: .max, id: UUID(high: .max, low: .max))

    init(rank: Int64, id: UUID) {
        self.rank = rank
        self.id = id
    }

    /// Reads what `json` wrote.
    init?(json: ArraySlice<JSONValue>) {
        guard json.count == 2, let rank = json.first?.int, let id = json.last?.text.flatMap({ UUID(lowercase: $0) }) else { return nil }
        self.init(rank: rank, id: id)
    }

    /// As a cursor holds it.
    var json: [JSONValue] { [.integer(rank), .string(id.lowercased)] }

    /// As two values of a list by time; the start is infinity there.
    var asTime: [SQLValue] { [.timestamp(rank), .uuid(id)] }

    /// As two values of a list by number.
    var asCount: [SQLValue] { [.int8(rank), .uuid(id)] }
}
