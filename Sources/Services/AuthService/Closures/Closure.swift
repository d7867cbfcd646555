import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import JSON
import Processes
import Publishing

/// A closure of an account as the log tells it: the request, and the steps of the process that it began.
struct Closure: Sendable {
    let request: RequestedClosure
    /// In the order in which they were done.
    private(set) var steps: [CompletedStep]
    private(set) var isDone = false

    /// - Parameter process: the events of the process's stream.
    init(_ request: RequestedClosure, process: [RecordedEvent]) throws(EventDecodingError) {
        self.request = request
        steps = [CompletedStep(.releaseClaim, at: request.requestedAt, position: request.position)]
        for recorded in process {
            let event = try ProcessEvent(recorded)
            switch event.kind {
            case .stepDone:
                guard let step = event.step.flatMap(ClosureStep.init) else { continue }
                let (position, count) = (event.data?["position"]?.int, event.data?["count"]?.int)
                steps.append(CompletedStep(step, at: recorded.recordedAt, position: position, count: count))
            case .ended:
                steps.append(CompletedStep(.signReceipt, at: recorded.recordedAt))
                isDone = true
            case .started, .replied, .messageRefused, .stepIssued, .stepFailed, .stepRefused, .stepSkipped, .stepRetried, .stepUndone, .deadlineSet,
                .deadlinePassed, .deadlineCancelled, .compensationBegun:
                break
            }
        }
    }

    var status: String { isDone ? "done" : "running" }
}

/// The closures of accounts, read from the log.
struct Closures: Sendable {
    let log: any EventStore
    let keys: SigningKeys
    let now: @Sendable () -> Timestamp

    /// The closure of a user's account; nil where none was requested.
    func closure(of user: UUID) async throws -> Closure? {
        guard let request = try RequestedClosure(try await log.load(RequestedClosure.stream(of: user)).events) else { return nil }
        return try Closure(request, process: try await log.load(StreamName(ProcessEvent.category, user)).events)
    }

    /// The closure with this id.
    func find(_ id: UUID) async throws -> Closure? {
        guard let account = try await log.holder(of: .closure, value: id.lowercased) else { return nil }
        return try await closure(of: account.id)
    }

    /// The signed statement of a closure that is done; nil before. It is signed with the present key each time, so it can always be verified with the
    /// published keys.
    func receipt(of closure: Closure) async throws -> String? {
        guard closure.isDone else { return nil }
        let statement = ClosureStatement(closure.request, steps: closure.steps.filter { $0.step != .signReceipt })
        return try await keys.current().sign(statement.claims(issuer: AccessToken.issuer, issuedAt: now()), type: Self.receiptType)
    }

    /// The media type of a receipt, so that no service takes it for an access token.
    private static let receiptType = "closure-receipt+jwt"
}
