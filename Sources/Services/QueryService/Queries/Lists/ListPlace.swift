import EventSourcing
import HTTPContract

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
