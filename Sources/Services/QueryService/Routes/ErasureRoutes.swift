import EventSourcing
import HTTPContract
import Hummingbird
import JSON
import Postgres
import Projections
import PublishingAPI

/// Tells the closure of an account whether the read tables have let go of what it has erased.
struct ErasureRoutes: Sendable {
    let pool: ConnectionPool
    let positions: ReadModelPositions

    func add(to routes: inout Routes) {
        // 200 when every erasure from `from` up to `Wait-For-Position` is out of all tables; 503 while it is not.
        routes.on(.erasures) { request, _ in
            var query = QueryParameters(request)
            let first = query.integer("from", in: 1...Int.max, default: 1)
            try query.finish()
            guard let wait = try Preconditions.waitForPosition(request) else { throw Problem.malformed("Wait-For-Position is needed.") }
            let end = ContinuousClock.now + wait.timeout
            _ = try await positions.wait(for: wait.position, models: positions.statuses.map(\.model), timeout: wait.timeout)
            var reached = try await scrubbedPosition(from: Int64(first), through: wait.position)
            // Nothing signals that the old tables are dropped, which happens soon after.
            while reached == nil, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(100))
                reached = try await scrubbedPosition(from: Int64(first), through: wait.position)
            }
            guard let reached else { throw Problem.readModelBehind(position: wait.position - 1) }
            return Answer.data {
                $0.object { $0.member("position", reached) }
            }
        }
    }

    /// How far erasures are scrubbed; nil while one between these positions is not.
    private func scrubbedPosition(from first: Int64, through last: Int64) async throws -> Int64? {
        let rows = try await pool.query(.erasuresLeft, [.int8(first), .int8(last)])
        let reached: Int64 = try rows[0].get(0)
        let isParked: Bool = try rows[0].get(1)
        return reached >= last && !isParked ? reached : nil
    }
}

extension Statement {
    /// $1 and $2: the first and the last position. One row: how far erasures are scrubbed, and whether one of these is parked.
    ///
    /// A parked erasure counts in any state: one that an operator has discarded has erased nothing.
    fileprivate static let erasuresLeft = Statement(
        "erasures_left",
        """
        SELECT
            least((SELECT position FROM annals.scrubbed), (SELECT min(position) FROM annals.checkpoints)),
            EXISTS (SELECT FROM annals.parked_events WHERE type IN ('UserClosed', 'PostDeleted') AND position BETWEEN $1 AND $2)
        """)
}
