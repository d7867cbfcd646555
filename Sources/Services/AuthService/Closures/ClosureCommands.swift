import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Logging
import PublishingAPI

/// The steps of a closure that other services perform. Every failure is a problem, and a retry does not help after `Refused`.
struct ClosureCommands: Sendable {
    /// The account can't be closed now. Nothing was changed.
    struct Refused: Error {
        let problem: Problem
    }

    let commands: ServiceClient
    let queries: ServiceClient
    let logger: Logger

    /// Releases the account's `active` claim. Returns the position of its stream, and whether there was a claim to release.
    func releaseClaim(_ closure: Closure) async throws -> (position: Int64, wasHeld: Bool) {
        var body: JSONObject = ["closure": .string(closure.id.lowercased)]
        if let version = closure.expectedVersion { body["version"] = .integer(Int64(version)) }
        let answer = try await post(.releaseClaimOfUser, body, closure)
        guard answer.isSuccess else { throw refusal(in: answer) }
        return (try position(in: answer), answer.data?["wasHeld"] == .bool(true))
    }

    /// Appends `UserClosed` and returns its position. A conflict is waited out, since there is no way back once the claim is released.
    func closeAccount(_ closure: Closure) async throws -> Int64 {
        try position(in: try await post(.closeUser, ["closure": .string(closure.id.lowercased)], closure))
    }

    /// Deletes some posts. Returns the last event's position, and the number of posts that were not deleted before.
    func delete(_ posts: [UUID], _ closure: Closure) async throws -> (position: Int64, count: Int64) {
        let answer = try await post(
            .deletePostsOfUser, ["closure": .string(closure.id.lowercased), "posts": .array(posts.map { .string($0.lowercased) })], closure)
        return (try position(in: answer), answer.data?["count"]?.int ?? 0)
    }

    /// Returns when no table of a read model holds what was erased at these positions. Throws `READ_MODEL_BEHIND` if one still does after some
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

    /// A refusal by the rules, such as that of the last admin's closure, is final. Every other error may pass.
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
