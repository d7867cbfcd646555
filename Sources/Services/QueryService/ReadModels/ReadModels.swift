import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import NIOCore
import Postgres
import Projections
import Spans

/// The value that a query found, and how fresh it is.
struct Snapshot<Value> {
    /// The lowest position among the models that were joined.
    let position: Int64
    let value: Value
}

extension Snapshot: Sendable where Value: Sendable {}

/// The read database, as routes ask it: one statement and one round trip for each query.
struct ReadModels: Sendable {
    let pools: ReadPools
    let positions: ReadModelPositions

    /// Answers from models that have reached what the request's `Wait-For-Position` names, else throws 503 `READ_MODEL_BEHIND`.
    func read<Query: ReadQuery>(_ query: Query, for request: Request) async throws -> Snapshot<Query.Answer> {
        guard let wait = try Preconditions.waitForPosition(request) else { return try await ask(query) }
        return try await read(query, from: wait)
    }

    /// The same, made ready to be sent and kept. It is given again until one of the models has gone on. A caller who names a position is answered by
    /// the database.
    /// - Parameter prepare: nil when nothing was found, which is not kept.
    func read<Query: ReadQuery, Prepared: KeepableAnswer>(
        _ query: Query, for request: Request, keptIn cache: AnswerCache<Prepared>?, _ prepare: (Query.Answer) throws -> Prepared?
    ) async throws -> Snapshot<Prepared?> {
        guard let cache, let standing = positions.standing(of: Query.modelNames) else {
            let found = try await read(query, for: request)
            return Snapshot(position: found.position, value: try prepare(found.value))
        }
        let key = QueryKey(statement: query.statement.name, values: query.values)
        if !request.headers.contains(.waitForPosition), let kept = cache.answer(to: key, at: standing) {
            return Snapshot(position: kept.position, value: kept.value)
        }
        let found = try await read(query, for: request)
        guard let prepared = try prepare(found.value) else { return Snapshot(position: found.position, value: nil) }
        cache.keep(Snapshot(position: found.position, value: prepared), for: key, since: standing)
        return Snapshot(position: found.position, value: prepared)
    }

    /// The same without a task, for a caller who names no position: at once where the answer is kept, else on the event loop when it has come.
    func read<Query: ReadQuery, Prepared: KeepableAnswer>(
        _ query: Query, for call: DirectCall, keptIn cache: AnswerCache<Prepared>?,
        _ prepare: @escaping @Sendable (Query.Answer) throws -> Prepared?,
        then answer: @escaping @Sendable (Result<Snapshot<Prepared?>, any Error>) -> Void
    ) {
        let standing = cache == nil ? nil : positions.standing(of: Query.modelNames)
        let key = QueryKey(statement: query.statement.name, values: query.values)
        if let cache, let standing, let kept = cache.answer(to: key, at: standing) {
            return answer(.success(Snapshot(position: kept.position, value: kept.value)))
        }
        pools[query.statement].read(query.statement, key.values, in: ReplyQueue(call.loop), until: call.deadline) { rows in
            // Nobody is told, and nothing counts as seen.
            guard call.isAwaited else { return }
            answer(
                Result {
                    let rows = try rows.get()
                    let found = Snapshot(position: try rows[0].get(0, as: Int64.self), value: try prepare(try query.decode(rows)))
                    if let cache, let standing, let prepared = found.value {
                        cache.keep(Snapshot(position: found.position, value: prepared), for: key, since: standing)
                    }
                    return found
                })
        }
    }

    /// Answers from models that have reached a position, else throws 503 `READ_MODEL_BEHIND`.
    func read<Query: ReadQuery>(_ query: Query, from wait: WaitForPosition) async throws -> Snapshot<Query.Answer> {
        let deadline = ContinuousClock.now + wait.timeout
        var answer = try await ask(query)
        if positions.haveDiverged(Query.modelNames) { throw Problem.readModelBehind(position: 0) }
        if answer.position < wait.position {
            // Asked first, waited only then: mostly it is reached already, and the answer itself says so.
            guard try await positions.wait(for: wait.position, models: Query.modelNames, timeout: wait.timeout) else {
                throw Problem.readModelBehind(position: answer.position)
            }
            answer = try await ask(query)
            // The server that told may be the primary, and the one that answers a standby which gets there a moment later.
            var pause = Duration.milliseconds(1)
            while answer.position < wait.position {
                guard ContinuousClock.now + pause < deadline else { throw Problem.readModelBehind(position: answer.position) }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(50))
                answer = try await ask(query)
            }
        }
        if let entity = query.entity(in: answer.value), let parked = try await parkedPosition(of: entity, upTo: wait.position, in: Query.models) {
            throw Problem.readModelBehind(position: parked - 1)
        }
        return answer
    }

    /// Throws 503 `READ_MODEL_BEHIND` when an entity that was not found may be there: one of the models could not apply an event of it.
    func confirmAbsence(of entity: UUID, in models: [JoinedModel]) async throws {
        if let parked = try await parkedPosition(of: entity, upTo: .max, in: models) { throw Problem.readModelBehind(position: parked - 1) }
    }

    /// The position of the first event of an entity that one of the models could not apply. Only looked up where it would be missed: for callers who
    /// wait for their own write, and for an account that is not there.
    private func parkedPosition(of entity: UUID, upTo position: Int64, in models: [JoinedModel]) async throws -> Int64? {
        try await pools.shared.query(.parkedPosition, [.uuid(entity), .int8(position), .texts(models.map(\.rawValue))]).first?.get(0, as: Int64?.self)
    }

    private func ask<Query: ReadQuery>(_ query: Query) async throws -> Snapshot<Query.Answer> {
        let rows = try await inQuerySpan(query.statement.name) {
            try await pools[query.statement].read(query.statement, query.values)
        }
        return Snapshot(position: try rows[0].get(0), value: try query.decode(rows))
    }
}

extension ReplyQueue {
    /// So many answers are one job of the loop: to make a page of posts takes a while, and others wait.
    private static let answersAtOnce = 8

    fileprivate init(_ loop: any EventLoop) {
        self.init(name: ObjectIdentifier(loop)) { answers in
            for start in stride(from: 0, to: answers.count, by: Self.answersAtOnce) {
                loop.execute { for answer in answers[start...].prefix(Self.answersAtOnce) { answer() } }
            }
        }
    }
}

extension Statement {
    fileprivate static let parkedPosition = Statement(
        "parked_position",
        """
        SELECT min(p.position) FROM annals.parked_events AS p JOIN annals.checkpoints AS c USING (build)
        WHERE p.stream_id = $1 AND p.position <= $2 AND p.state <> 'discarded' AND c.model = ANY ($3)
        """)
}
