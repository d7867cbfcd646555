import EventSourcing
import FoundationEssentials
import Postgres
import Publishing

/// The recorded closures of accounts with their steps. Another process continues from them when one dies.
struct Closures: Sendable {
    /// Another process works on the closure now, or has ended it.
    struct LeaseLost: Error {}

    /// The time after which another process takes over from one that died. A step that takes longer is performed twice, which does no harm.
    static let lease = Duration.seconds(10)
    /// The longest pause before a step that failed is tried again. Another process waits as long if this one dies meanwhile, so it is no longer than
    /// a lease.
    static let longestPause = Duration.seconds(8)
    /// A lease that ends further ahead was given before the clock went back, and is void. Twice as long as one lasts, since the clocks of several
    /// machines are never the same.
    private static let furthestEnd = lease * 2

    let identity: ConnectionPool
    let now: @Sendable () -> Timestamp

    /// Begins a closure under the caller's lease. Nil if the account is closed or is being closed.
    func begin(_ id: UUID, of user: UUID, expecting version: Int?, correlation: String, lease: UUID) async throws -> Closure? {
        let now = now()
        let values: [SQLValue] = [
            .uuid(id), .uuid(user), version.map { .int4(Int32(clamping: $0)) } ?? .null, .text(correlation), .timestamp(now.milliseconds),
            .uuid(lease),
            .timestamp(now.advanced(by: Self.lease).milliseconds),
        ]
        guard try await identity.query(.beginClosure, values).affectedRows == 1 else { return nil }
        return try await find(id)
    }

    /// The closure of that id, with its steps.
    func find(_ id: UUID) async throws -> Closure? {
        try Self.closures(try await identity.query(.closureByID, [.uuid(id)])).first
    }

    /// The closures of a user, refused ones too, oldest first.
    func all(of user: UUID) async throws -> [Closure] {
        try Self.closures(try await identity.query(.closuresOfUser, [.uuid(user)]))
    }

    /// The user's closure that is not refused. There is one at most.
    func current(of user: UUID) async throws -> Closure? { try await all(of: user).last { $0.status != .refused } }

    /// Takes the next closure that no process works on; nil if there is none.
    func take(under lease: UUID) async throws -> Closure? {
        let now = now()
        let row = try await identity.query(
            .leaseClosure,
            [
                .uuid(lease), .timestamp(now.milliseconds), .timestamp(now.advanced(by: Self.lease).milliseconds),
                .timestamp(now.advanced(by: Self.furthestEnd).milliseconds),
            ]
        ).first
        guard let row else { return nil }
        return try await find(row.get(0))
    }

    /// Whether a closure is under way in any process.
    func areRunning() async throws -> Bool { try await identity.query(.runningClosure).first != nil }

    /// Records a step as done, alone or in a transaction with the step's own changes. Affects no row if the lease is lost.
    func recording(_ step: CompletedStep, number: Int, of closure: Closure, lease: UUID) -> Query {
        Query(
            .recordClosureStep,
            [
                .uuid(closure.id), .uuid(lease), .timestamp(now().advanced(by: Self.lease).milliseconds), .int4(Int32(number)),
                .text(step.step.rawValue), .timestamp(step.at.milliseconds), .int8(optional: step.position),
                .int8(optional: step.count),
            ])
    }

    /// Extends the lease while a step goes on.
    func renew(_ closure: Closure, lease: UUID) async throws {
        let end = now().advanced(by: Self.lease)
        guard try await identity.query(.renewClosure, [.uuid(closure.id), .uuid(lease), .timestamp(end.milliseconds)]).affectedRows == 1 else {
            throw LeaseLost()
        }
    }

    /// Releases a closure, which any process may continue after `moment`. A failed try makes the next wait longer.
    func release(_ closure: Closure, until moment: Timestamp, hasFailed: Bool, lease: UUID) async throws {
        try await identity.query(.releaseClosure, [.uuid(closure.id), .uuid(lease), .timestamp(moment.milliseconds), .bool(hasFailed)])
    }

    /// Ends a closure of which no step was done. Does nothing to other closures.
    func refuse(_ closure: Closure, lease: UUID) async throws {
        try await identity.query(.refuseClosure, [.uuid(closure.id), .uuid(lease)])
    }

    /// Ends a closure with its receipt, in the transaction that records its last step.
    func finishing(_ closure: Closure, with receipt: Closure.Receipt) -> Query {
        Query(.finishClosure, [.uuid(closure.id), .text(receipt.token), .text(receipt.kid)])
    }

    /// The rows have one line for each step, and at least one for each closure.
    private static func closures(_ rows: QueryResult) throws -> [Closure] {
        var closures: [Closure] = []
        for row in rows {
            let id: UUID = try row.get(0)
            if closures.last?.id != id { closures.append(try Closure(row)) }
            guard !row.isNull(9) else { continue }
            closures[closures.count - 1].steps.append(try CompletedStep(row))
        }
        return closures
    }
}

extension Closure {
    fileprivate init(_ row: Row) throws {
        id = try row.get(0)
        user = try row.get(1)
        status = try Self.known(row.get(2))
        expectedVersion = try row.get(3, as: Int32?.self).map(Int.init)
        correlation = try row.get(4)
        requestedAt = Timestamp(milliseconds: try row.milliseconds(5))
        failures = Int(try row.get(6, as: Int32.self))
        steps = []
        let token: String? = try row.get(7)
        let kid: String? = try row.get(8)
        receipt = if let token, let kid { Receipt(token: token, kid: kid) } else { nil }
    }

    private static func known(_ name: String) throws -> Status {
        guard let status = Status(rawValue: name) else { throw UnknownClosure(name: name) }
        return status
    }
}

extension CompletedStep {
    fileprivate init(_ row: Row) throws {
        let name: String = try row.get(9)
        guard let step = ClosureStep(rawValue: name) else { throw UnknownClosure(name: name) }
        self.init(step, at: Timestamp(milliseconds: try row.milliseconds(10)), position: try row.get(11), count: try row.get(12))
    }
}

/// A newer program has recorded a state or step that this one does not know.
private struct UnknownClosure: Error {
    let name: String
}
