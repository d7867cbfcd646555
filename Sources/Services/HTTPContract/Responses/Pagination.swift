package import EventSourcing
package import JSON

/// The `pagination` member of a list.
package struct Pagination: Sendable, Equatable {
    package var limit: Int
    package var total: Int64
    /// The page asked for, counted from 1; nil when a cursor was used.
    package var page: Int?
    /// Where the next page starts; nil on the last one.
    package var nextCursor: String?

    package init(limit: Int, total: Int64, page: Int? = nil, nextCursor: String? = nil) {
        self.limit = limit
        self.total = total
        self.page = page
        self.nextCursor = nextCursor
    }

    /// How many pages there are.
    package var pages: Int64 { (total + Int64(limit) - 1) / Int64(limit) }

    /// Writes it as an object.
    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.name("limit")
            $0.integer(limit)
            $0.name("total")
            $0.integer(total)
            if let page {
                $0.name("page")
                $0.integer(page)
                $0.name("pages")
                $0.integer(pages)
            }
            if let nextCursor {
                $0.name("nextCursor")
                $0.string(nextCursor)
            }
        }
    }
}
