import Postgres

/// Whether the log is whole: no gap, and a clock that is not behind it.
struct LogHealth {
    /// Positions that one statement counts.
    private static let stride: Int64 = 2_000_000

    let pool: ConnectionPool

    func findings() async throws -> [Finding] { try await [gaps(), clock()] }

    private func gaps() async throws -> Finding {
        let head = try await pool.query(.lastPosition).first?.get(0, as: Int64.self) ?? 0
        for after in Swift.stride(from: Int64(0), to: head, by: Int(Self.stride)) {
            let until = min(head, after + Self.stride)
            let count = try await pool.query(.countPositions, [.int8(after), .int8(until)]).first?.get(0, as: Int64.self) ?? 0
            if count == until - after { continue }
            return Finding(
                "gaps", "log", .broken, "\(until - after - count) events between positions \(after + 1) and \(until) are missing",
                remedy: "stop writing, run annals audit verify, and restore the log from a backup that has them")
        }
        return Finding("gaps", "log", .fine, "positions 1 to \(head) are all there")
    }

    private func clock() async throws -> Finding {
        let lag = try await pool.query(.secondsBehindLog).first?.get(0, as: Int64.self) ?? 0
        guard lag >= 1 else { return Finding("clock", "log", .fine, "is not behind the last event") }
        return Finding(
            "clock", "log", .warning, "the clock of the log's database is \(lag) s behind the last event, which new events get the time of",
            remedy: "set it by NTP, or wait until it has caught up")
    }
}

extension Statement {
    fileprivate static let lastPosition = Statement("doctor_head", "SELECT coalesce(max(position), 0) FROM log.events")
    fileprivate static let countPositions = Statement(
        "doctor_count", "SELECT count(*) FROM log.events WHERE position > $1 AND position <= $2")
    fileprivate static let secondsBehindLog = Statement(
        "doctor_clock",
        """
        SELECT coalesce((SELECT trunc(extract(epoch FROM recorded_at - clock_timestamp()))::bigint FROM log.events ORDER BY position DESC LIMIT 1), 0)
        """)
}
