package import EventSourcing
import FoundationEssentials
package import Postgres

/// Reads the log for audits and exports: as it is stored, filtered, page by page.
///
/// Each page is one statement with a snapshot of its own, and in memory when it is handed over: a slow reader holds nothing in the database. No event
/// is missed between two pages, because positions become visible in their order: the events that one snapshot sees up to a position are there for
/// good.
package struct AuditTrail: Sendable {
    /// How much one look may look at and bring.
    package struct Limits: Sendable {
        /// Rows that a look goes through, wanted or not.
        package var candidates = 4096
        /// Events in a page.
        package var events = 4096
        /// Stored bytes after which a page ends: it may be one event longer, so that each page brings something.
        package var bytes: Int64 = 2 << 20

        package init() {}
    }

    private let pool: ConnectionPool

    /// - Parameter pool: the log's database, with a right to SELECT on `log.events`.
    package init(_ pool: ConnectionPool) { self.pool = pool }

    /// Settles a filter's ends on the log as it is now. Two look-ups of about 20 probes each when the filter names moments.
    package func part(_ filter: TrailFilter) async throws -> TrailPart {
        let head: Int64 = try await query(.logHead, []).first?.get(0) ?? 0
        var (after, until) = (max(0, filter.after), min(filter.until, head))
        if let from = filter.from { after = max(after, try await lastPosition(at: from.milliseconds - 1, head: head)) }
        if let to = filter.to { until = min(until, try await lastPosition(at: to.milliseconds, head: head)) }
        return TrailPart(filter: filter, after: after, until: max(after, until), head: head)
    }

    /// Reads a part from its beginning to its end. The next page is read while `body` has this one, so the database and this process work side by
    /// side; no more than these two are in memory. Hands over one page at least.
    ///
    /// Throws `EventStoreError.broken` when every event is wanted and one is missing.
    package func pages(of part: TrailPart, limits: Limits = Limits(), _ body: (TrailPage) async throws -> Void) async throws {
        try await pages(of: part, body) { try await self.page(of: part, after: $0, limits: limits) }
    }

    /// Reads the events at these positions in order. A position that is missing or there twice is the caller's to notice.
    package func pages(at positions: ClosedRange<Int64>, _ body: (TrailPage) async throws -> Void) async throws {
        let part = TrailPart(filter: TrailFilter(), after: positions.lowerBound - 1, until: positions.upperBound, head: positions.upperBound)
        try await pages(of: part, body) { try await self.found(part, after: $0, Limits()) }
    }

    private func pages(
        of part: TrailPart, _ body: (TrailPage) async throws -> Void, read: @escaping @Sendable (Int64) async throws -> TrailPage
    ) async throws {
        var page = try await read(part.after)
        while let next = page.next {
            async let following = read(next)
            try await body(page)
            page = try await following
        }
        try await body(page)
    }

    /// The events of a part after a position, oldest first, as many as the limits allow.
    ///
    /// Throws `EventStoreError.broken` when every event is wanted and one is missing.
    package func page(of part: TrailPart, after position: Int64, limits: Limits = Limits()) async throws -> TrailPage {
        let page = try await found(part, after: position, limits)
        if part.filter.isGapless { try page.requireEveryPosition(after: position) }
        return page
    }

    private func found(_ part: TrailPart, after position: Int64, _ limits: Limits) async throws -> TrailPage {
        guard position < part.until else { return TrailPage(rows: nil, through: part.until, part: part) }
        let filter = part.filter
        var values: [SQLValue] = [
            .int8(position), .int8(part.until), .int8(Int64(limits.candidates)), .int8(limits.bytes), .int8(Int64(limits.events)),
        ]
        if filter.isGapless { return try TrailPage(rows: await query(.trailOfAll, values), of: part, after: position, limits: limits) }
        values += [.text(optional: filter.actor?.lowercased), .text(optional: filter.correlation), .texts(optional: filter.types)]
        let statement: Statement
        if let stream = filter.stream {
            statement = .trailOfStream
            values.append(.text(stream.description))
        } else {
            statement = filter.types == nil ? .trailOfPositions : .trailOfTypes
        }
        return try TrailPage(rows: await query(statement, values), of: part, after: position, limits: limits)
    }

    private func lastPosition(at milliseconds: Int64, head: Int64) async throws -> Int64 {
        try await query(.trailPositionAt, [.timestamp(milliseconds), .int8(head)]).first?.get(0) ?? 0
    }

    /// On a connection of its own: a long look must not hold up the short ones that share a connection.
    func query(_ statement: Statement, _ values: [SQLValue]) async throws -> QueryResult {
        try await tellingAbsence { try await pool.withSession { try await $0.query(statement, values) } }
    }
}

/// Some events of a part of the log, as they are stored, in order.
package struct TrailPage: Sendable {
    private static let bytesColumn = 9
    private static let seenColumn = 10
    private static let throughColumn = 11

    private let rows: QueryResult?
    /// How many.
    package let count: Int
    /// Every wanted event up to this position is in this page or an earlier one.
    package let through: Int64
    /// Where to go on; nil at the end of the part.
    package let next: Int64?

    init(rows: QueryResult?, through: Int64, part: TrailPart) {
        self.rows = rows
        count = rows.map { result in result.first?.isNull(0) == true ? 0 : result.count } ?? 0
        self.through = through
        next = through < part.until ? through : nil
    }

    /// A page of the rows that a look has found: it has come to the end of the part unless a limit has cut it short.
    init(rows: QueryResult, of part: TrailPart, after position: Int64, limits: AuditTrail.Limits) throws {
        var through = part.until
        if part.filter.isGapless { through = min(through, position + Int64(min(limits.events, limits.candidates))) }
        if rows.count > 0 {
            let last = rows[rows.count - 1]
            let seen: Int64 = try last.get(Self.seenColumn)
            if seen >= limits.candidates { through = min(through, try last.get(Self.throughColumn)) }
            if !last.isNull(0) {
                let isFull = !part.filter.isGapless && rows.count >= limits.events
                if try isFull || last.get(Self.bytesColumn) >= limits.bytes { through = min(through, try last.get(0)) }
            }
        }
        self.init(rows: rows, through: through, part: part)
    }

    /// Calls `body` with each event in order. Rows are valid only inside `body`.
    package func forEach(_ body: (StoredEventRow) throws -> Void) throws {
        guard let rows, count > 0 else { return }
        for row in rows { try StoredEventRow.read(row, body) }
    }

    /// The events as values.
    package func events() throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        events.reserveCapacity(count)
        try forEach { events.append(try RecordedEvent(stored: $0)) }
        return events
    }

    /// Throws `EventStoreError.broken` unless each position from the one after `position` to the page's end is there.
    func requireEveryPosition(after position: Int64) throws {
        var place = LogPlace<UUID>(position, nil)
        if let rows { for row in rows { _ = try place.take(try row.get(0), try row.get(3)) } }
        try place.confirm(through: through)
    }
}
