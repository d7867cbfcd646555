import EventSourcing
import FoundationEssentials
import HTTPContract
import JSON
import Postgres

/// Which part of a list a request asks for.
struct ListPlace {
    enum Start {
        /// After a row that an earlier answer ended with; after `ListKey.start` at the beginning.
        case after(ListKey)
        /// After so many rows.
        case offset(Int)
    }

    /// No page starts further into a list than this: leaving rows out costs reading past them.
    static let deepestRow = 100_000

    let limit: Int
    /// The page's number, from 1; nil when a cursor was used.
    let page: Int?
    let start: Start

    /// One more than the page holds: that one tells whether another page follows.
    var rowsWanted: Int { limit + 1 }

    /// Reads `limit`, `cursor` and, unless the list has no pages, `page`, and throws all that is wrong with the query.
    init(_ query: consuming QueryParameters, in list: ListIdentity, cursors: CursorCodec, hasPages: Bool = true) throws(Problem) {
        limit = query.integer("limit", in: 1...100, default: 20)
        let cursor = query.cursor()
        let givenPage = hasPages ? query.integer("page", in: 1...Self.deepestRow) : nil
        if givenPage != nil, cursor != nil { query.refuse("page", "can't be given together with cursor") }
        if let givenPage, givenPage * limit > Self.deepestRow {
            query.refuse("page", "must not reach past row \(Self.deepestRow): go on with nextCursor instead")
        }
        try query.finish()
        if let cursor {
            page = nil
            start = .after(try list.key(cursor, cursors))
        } else {
            let number = givenPage ?? 1
            page = hasPages ? number : nil
            start = number == 1 ? .after(.start) : .offset((number - 1) * limit)
        }
    }

    /// The page out of the rows found, and what the answer says about where it stands.
    func cut<Row>(_ rows: [Row], of total: Int64, in list: ListIdentity, cursors: CursorCodec, by key: (Row) -> ListKey) -> (
        ArraySlice<Row>, Pagination
    ) {
        let shown = rows.prefix(limit)
        let next = rows.count > limit ? shown.last.map { list.cursor(after: key($0), cursors) } : nil
        return (shown, Pagination(limit: limit, total: total, page: page, nextCursor: next))
    }
}

/// The identity of a list: another list does not accept its cursors.
struct ListIdentity {
    let name: String
    var author: UUID?

    /// A cursor that leads to what follows `key`.
    func cursor(after key: ListKey, _ codec: CursorCodec) -> String { codec.encode(marks + key.json) }

    /// Where a cursor leads; 400 when it was not given out for this list.
    func key(_ cursor: String, _ codec: CursorCodec) throws(Problem) -> ListKey {
        let values = try codec.decode(cursor)
        guard values.prefix(marks.count).elementsEqual(marks), let key = ListKey(json: values.dropFirst(marks.count)) else {
            throw .malformed("The cursor belongs to another list, sort or author.")
        }
        return key
    }

    private var marks: [JSONValue] { [.string(name), author.map { .string($0.lowercased) } ?? .null] }
}

/// Where a row stands in its list: what the list is ordered by, and the id that decides between equals.
struct ListKey: Sendable, Equatable {
    /// Milliseconds since 1970 UTC, or a number of views.
    let rank: Int64
    let id: UUID

    /// Before every row of a list that starts with the largest.
    static let start = ListKey(rank: .max, id: UUID(high: .max, low: .max))

    /// As a cursor holds it.
    var json: [JSONValue] { [.integer(rank), .string(id.lowercased)] }

    /// As two values of a list by time; the start is infinity there.
    var asTime: [SQLValue] { [.timestamp(rank), .uuid(id)] }

    /// As two values of a list by number.
    var asCount: [SQLValue] { [.int8(rank), .uuid(id)] }
}

extension ListKey {
    /// Reads what `json` wrote.
    init?(json: ArraySlice<JSONValue>) {
        guard json.count == 2, let rank = json.first?.int, let id = json.last?.text.flatMap({ UUID(lowercase: $0) }) else { return nil }
        self.init(rank: rank, id: id)
    }
}
