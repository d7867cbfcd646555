import EventSourcing
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
    package init(_ pool: ConnectionPool) {
        self.pool = pool
    }

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
        values += [.text(optional: filter.actor?.lowercased), .text(optional: filter.correlation), filter.types.map { .texts($0) } ?? .null]
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
    private func query(_ statement: Statement, _ values: [SQLValue]) async throws -> QueryResult {
        try await tellingAbsence { try await pool.withSession { try await $0.query(statement, values) } }
    }
}
