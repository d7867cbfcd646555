import EventSourcing
package import Postgres

/// Reads the log for auditors: as it is stored, filtered, page by page.
///
/// Each page is one statement with a snapshot of its own, and in memory when it is handed over: a slow reader holds nothing in the database. No event is missed between
/// two pages, because positions become visible in their order: what one snapshot sees up to a position is there for good.
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

    /// The events of a part after a position, oldest first, as many as the limits allow.
    ///
    /// Throws `EventStoreError.broken` when every event is wanted and one is missing.
    package func page(of part: TrailPart, after position: Int64, limits: Limits = Limits()) async throws -> TrailPage {
        guard position < part.until else { return TrailPage(rows: nil, through: part.until, part: part) }
        let filter = part.filter
        var values: [SQLValue] = [
            .int8(position), .int8(part.until), .int8(Int64(limits.candidates)), .int8(limits.bytes), .int8(Int64(limits.events)),
        ]
        guard !filter.isGapless else {
            let page = try TrailPage(rows: await query(.trailOfAll, values), of: part, after: position, limits: limits)
            try page.requireEveryPosition(after: position)
            return page
        }
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

    /// On a connection of its own: a long look must not stand before the short ones that share a connection.
    private func query(_ statement: Statement, _ values: [SQLValue]) async throws -> QueryResult {
        try await pool.withSession { try await $0.query(statement, values) }
    }
}
