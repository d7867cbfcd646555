import EventSourcing
import HTTPContract
import Hummingbird
import Postgres
import Projections

/// What a query found, and how fresh it is.
struct Reading<Value> {
    /// The lowest position among the models that were joined.
    let position: Int64
    let value: Value
}

/// The read database, as routes ask it: one statement and one round trip for each query.
struct ReadModels: Sendable {
    let pool: ConnectionPool
    let positions: ReadModelPositions

    /// Answers from models that have reached what the request's `Wait-For-Position` names, else throws 503 `READ_MODEL_BEHIND`.
    func read<Query: ReadQuery>(_ query: Query, for request: Request) async throws -> Reading<Query.Answer> {
        let wait = try Preconditions.waitForPosition(request)
        let first = try await ask(query)
        guard let wait, first.position < wait.position else { return first }
        // Asked first, waited only then: mostly it is reached already, and the answer itself says so.
        guard try await positions.wait(for: wait.position, models: Query.models.map(\.rawValue), timeout: wait.timeout) else {
            throw Problem.readModelBehind(position: first.position)
        }
        let second = try await ask(query)
        // A standby may have been asked that is behind the one which told that the position is reached.
        guard second.position >= wait.position else { throw Problem.readModelBehind(position: second.position) }
        return second
    }

    private func ask<Query: ReadQuery>(_ query: Query) async throws -> Reading<Query.Answer> {
        let rows = try await pool.query(Query.statement, query.values)
        return Reading(position: try rows[0].get(0), value: try query.decode(rows))
    }
}
