package import EventSourcing
package import FoundationEssentials
package import Postgres
package import Subscribers

/// The rows in the relay's schema, written under its lease.
package struct PostgresProcessTable: ProcessTable {
    private let pool: ConnectionPool
    private let lease: SubscriberLease

    package init(_ pool: ConnectionPool, under lease: SubscriberLease) {
        self.pool = pool
        self.lease = lease
    }

    package func save(_ row: ProcessRow) async throws {
        try await pool.atomically([
            lease.hold,
            Query(
                .saveProcess,
                [
                    .uuid(row.id), .text(row.kind), .text(row.status), .text(optional: row.step), .int4(Int32(clamping: row.failures)),
                    .int4(Int32(clamping: row.version)), .timestamp(optional: row.dueAt?.milliseconds),
                    .timestamp(optional: row.stuckAt?.milliseconds), .timestamp(row.progressAt.milliseconds),
                ]),
        ])
    }

    package func due(at time: Timestamp, of kinds: [String], limit: Int) async throws -> [UUID] {
        try await pool.query(.dueProcesses, [.timestamp(time.milliseconds), .texts(kinds), .int4(Int32(clamping: limit))]).map { try $0.get(0) }
    }

    /// The instances that are stuck, those of the longest standstill first.
    package static func stuck(at time: Timestamp, in pool: ConnectionPool) async throws -> [ProcessRow] {
        try await pool.query(.stuckProcesses, [.timestamp(time.milliseconds)]).map(ProcessRow.init)
    }

    /// How many are not over, by kind.
    package static func counts(at time: Timestamp, in pool: ConnectionPool) async throws -> [ProcessCensus.Count] {
        try await pool.query(.processCounts, [.timestamp(time.milliseconds)]).map { row in
            var count = ProcessCensus.Count(kind: try row.get(0))
            count.running = try row.get(1)
            count.compensating = try row.get(2)
            count.stuck = try row.get(3)
            count.stuckSince = try row.get(4, as: Int64?.self).map { Timestamp(milliseconds: $0) }
            return count
        }
    }

    /// The instances, those of the newest progress first: from a place on, or from the first.
    package static func all(isOpen: Bool, limit: Int, after place: ProcessPlace? = nil, in pool: ConnectionPool) async throws -> [ProcessRow] {
        try await pool.query(
            .allProcesses,
            [
                .bool(isOpen), .int4(Int32(clamping: limit)),
                // Each is before the end of all time.
                .timestamp(place?.progressAt.milliseconds ?? .max), .uuid(place?.id ?? UUID()),
            ]
        ).map(ProcessRow.init)
    }
}

extension ProcessRow {
    fileprivate init(_ row: Row) throws {
        func time(_ column: Int) throws -> Timestamp? {
            try row.get(column, as: Int64?.self).map { Timestamp(milliseconds: $0) }
        }
        self.init(
            id: try row.get(0), kind: try row.get(1), status: try row.get(2), step: try row.get(3), failures: try row.get(4),
            version: try row.get(5), dueAt: try time(6), stuckAt: try time(7), progressAt: try time(8) ?? Timestamp(milliseconds: 0))
    }
}

extension Statement {
    fileprivate static let saveProcess = Statement(
        "save_process",
        """
        INSERT INTO relay.processes AS p (id, kind, status, step, failures, version, due_at, stuck_at, progress_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, status = excluded.status, step = excluded.step, failures = excluded.failures,
            version = excluded.version, due_at = excluded.due_at, stuck_at = excluded.stuck_at, progress_at = excluded.progress_at
        WHERE p.version < excluded.version
            -- Another version of this program may see another time in the same events. A row that stays due for nothing would be looked at for ever.
            OR p.version = excluded.version AND p.due_at IS DISTINCT FROM excluded.due_at
        """)
    fileprivate static let dueProcesses = Statement(
        "due_processes", "SELECT id FROM relay.processes WHERE due_at <= $1 AND kind = ANY ($2) ORDER BY due_at, id LIMIT $3")
    private static let columns = """
        id, kind, status, step, failures::bigint, version::bigint, (extract(epoch FROM due_at) * 1000)::bigint,
            (extract(epoch FROM stuck_at) * 1000)::bigint, (extract(epoch FROM progress_at) * 1000)::bigint
        """
    fileprivate static let stuckProcesses = Statement(
        "stuck_processes", "SELECT \(columns) FROM relay.processes WHERE stuck_at <= $1 ORDER BY stuck_at LIMIT 100")
    /// Those with `stuck_at` are those that are not over: their index is read, and not all that ever were.
    fileprivate static let processCounts = Statement(
        "process_counts",
        """
        SELECT kind, count(*) FILTER (WHERE status = 'running'), count(*) FILTER (WHERE status = 'compensating'),
            count(*) FILTER (WHERE stuck_at <= $1), (extract(epoch FROM min(stuck_at) FILTER (WHERE stuck_at <= $1)) * 1000)::bigint
        FROM relay.processes WHERE stuck_at IS NOT NULL GROUP BY kind ORDER BY kind
        """)
    fileprivate static let allProcesses = Statement(
        "all_processes",
        """
        SELECT \(columns) FROM relay.processes
        WHERE (NOT $1 OR status IN ('running', 'compensating')) AND (progress_at, id) < ($3, $4)
        ORDER BY progress_at DESC, id DESC LIMIT $2
        """)
}
