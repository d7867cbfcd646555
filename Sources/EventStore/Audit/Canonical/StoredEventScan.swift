package import Postgres

/// Reads the log as it is stored, fast and in order, by COPY: a chunk of about 64 KiB in memory however large events are, and a slow consumer slows the server down.
///
/// Each COPY covers so many positions that it is short: no snapshot is held for long. One that takes longer than the pool's statements may, because its consumer is slow,
/// is begun anew behind the last chunk that was handed over.
package struct StoredEventScan: Sendable {
    /// Positions that one COPY covers.
    private static let span: Int64 = 10_000

    private let pool: ConnectionPool
    private let condition: String

    /// - Parameters:
    ///   - pool: the log's database with a right to SELECT on `log.events`. Each COPY takes a connection of its own from it.
    ///   - condition: what else must be true of an event, as SQL over the columns of `log.events`. COPY binds no parameters: whatever comes from outside must be a
    ///     quoted literal.
    package init(_ pool: ConnectionPool, where condition: String = "true") {
        self.pool = pool
        self.condition = condition
    }

    /// Hands over the events at `positions` in order. Does not judge gaps: an event that is not there is not there.
    ///
    /// Ends at `positions.upperBound` whether the log reaches that far or not, in steps of 10,000 positions, so the bound should be the log's head, not infinity.
    package func chunks(of positions: ClosedRange<Int64>, _ body: (StoredEventChunk) async throws -> Void) async throws {
        var next = positions.lowerBound
        while next <= positions.upperBound {
            let last = min(positions.upperBound, next.addingReportingOverflow(Self.span - 1).partialValue)
            next = try await copy(next, through: last, body) + 1
        }
    }

    /// One COPY; returns the last position that is settled by it.
    private func copy(_ first: Int64, through last: Int64, _ body: (StoredEventChunk) async throws -> Void) async throws -> Int64 {
        var handedOver: StoredEventChunk?
        do {
            try await pool.withSession { session in
                var isFirst = true
                try await session.copyOut(statement(first, last)) { bytes in
                    let chunk = StoredEventChunk(bytes, from: isFirst ? try StoredEventChunk.headerLength(of: bytes) : 0)
                    isFirst = false
                    try await body(chunk)
                    handedOver = chunk
                }
            }
        } catch {
            guard let failure = error as? PostgresError, failure.kind == .deadline, let settled = try handedOver?.forEach({ _ in }) else {
                throw error
            }
            return settled
        }
        return last
    }

    private func statement(_ first: Int64, _ last: Int64) -> String {
        """
        COPY (SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at FROM log.events \
        WHERE position BETWEEN \(first) AND \(last) AND (\(condition)) ORDER BY position) TO STDOUT (FORMAT binary)
        """
    }
}
