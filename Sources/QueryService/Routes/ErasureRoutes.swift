import EventSourcing
import HTTPContract
import Hummingbird
import Postgres
import Projections

/// What the closure of an account asks: whether the read tables have let go of what it has erased.
struct ErasureRoutes: Sendable {
    let pool: ConnectionPool
    let positions: ReadModelPositions

    func add(to routes: inout Routes) {
        // 200 when every erasure from `from` up to `Wait-For-Position` is out of all tables; 503 while it is not.
        routes.on(.get, "/internal/erasures") { request, context in
            _ = try context.service()
            var query = QueryParameters(request)
            let first = query.integer("from", in: 1...Int.max, default: 1)
            try query.finish()
            guard let wait = try Preconditions.waitForPosition(request) else { throw Problem.malformed("Wait-For-Position is needed.") }
            _ = try await positions.wait(for: wait.position, models: positions.statuses.map(\.model), timeout: wait.timeout)
            let rows = try await pool.query(ErasuresLeft.statement, [.int8(Int64(first)), .int8(wait.position)])
            let reached: Int64 = try rows[0].get(0)
            let isParked: Bool = try rows[0].get(1)
            guard reached >= wait.position, !isParked else { throw Problem.readModelBehind(position: reached) }
            return Answer.data {
                $0.object { $0.member("position", count: reached) }
            }
        }
    }
}
