import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Logging
import PublishingAPI

/// The steps of a closure that other services do. Every failure is a problem; `Refused` is one that trying again does not mend.
struct ClosureCommands: Sendable {
    /// The account can't be closed as things stand, and nothing was changed.
    struct Refused: Error {
        let problem: Problem
    }

    let commands: ServiceClient
    let queries: ServiceClient
    let logger: Logger

    /// Gives up the account's `active` claim. Says where its stream stands, and whether there was a claim to give up.
    func releaseClaim(_ closure: Closure) async throws -> (position: Int64, wasHeld: Bool) {
        var body: JSONObject = ["closure": .string(closure.id.lowercased)]
        if let version = closure.expectedVersion { body["version"] = .integer(Int64(version)) }
        let answer = try await post(.releaseClaimOfUser, body, closure)
        guard answer.isSuccess else { throw refusal(in: answer) }
        return (try position(in: answer), answer.data?["wasHeld"] == .bool(true))
    }

    /// Appends `UserClosed`. Returns its position. A conflict is waited out: with the claim gone there is no way back.
    func closeAccount(_ closure: Closure) async throws -> Int64 {
        try position(in: try await post(.closeUser, ["closure": .string(closure.id.lowercased)], closure))
    }

    /// Deletes some posts. Returns the last position of that, and how many were not deleted before.
    func delete(_ posts: [UUID], _ closure: Closure) async throws -> (position: Int64, count: Int64) {
        let answer = try await post(
            .deletePostsOfUser, ["closure": .string(closure.id.lowercased), "posts": .array(posts.map { .string($0.lowercased) })], closure)
        return (try position(in: answer), answer.data?["count"]?.int ?? 0)
    }

    /// Returns when no table of a read model holds what was erased at these positions; throws `READ_MODEL_BEHIND` when one still does after some
    /// seconds.
    func waitUntilScrubbed(_ erasures: ClosedRange<Int64>, _ closure: Closure) async throws {
        let headers: HTTPFields = [.waitForPosition: "\(erasures.upperBound)", .prefer: "wait=5"]
        let answer = try await queries.reach(logger: logger) {
            try await $0.get(.erasures, query: "from=\(erasures.lowerBound)", headers: headers, context: context(of: closure))
        }
        guard answer.isSuccess else { throw answer.problemCode == .readModelBehind ? Problem.readModelBehind(position: 0) : unexpected(answer) }
    }

    private func post(_ endpoint: Endpoint, _ body: JSONObject, _ closure: Closure) async throws -> ServiceAnswer {
        try await commands.reach(logger: logger) {
            try await $0.post(endpoint, closure.user.lowercased, json: body, context: context(of: closure))
        }
    }

    /// A refusal by the rules, such as that of the last admin's closure, stays a refusal; every other error may pass.
    private func refusal(in answer: ServiceAnswer) -> any Error {
        guard answer.problemCode == .conflict || answer.problemCode == .preconditionFailed, let problem = Problem(passedOnFrom: answer) else {
            return unexpected(answer)
        }
        return Refused(problem: problem)
    }

    private func context(of closure: Closure) -> CallContext { CallContext(logger: logger, requestID: closure.correlation) }

    private func position(in answer: ServiceAnswer) throws -> Int64 {
        guard answer.isSuccess, let position = answer.data?["position"]?.int else { throw unexpected(answer) }
        return position
    }

    private func unexpected(_ answer: ServiceAnswer) -> Problem {
        logger.warning(
            "a step of a closure was not taken", metadata: ["status": "\(answer.status.code)", "code": "\(answer.problemCode?.rawValue ?? "none")"])
        return .unavailable()
    }
}
