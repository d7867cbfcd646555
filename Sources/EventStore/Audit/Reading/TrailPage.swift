package import EventSourcing
import FoundationEssentials
import Postgres

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
