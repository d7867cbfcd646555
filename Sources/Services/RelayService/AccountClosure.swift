import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Logging
import Processes
import Publishing
import PublishingAPI

/// Closes an account and erases its user (docs/identity.md). The instance has the user's id, since an account is closed once.
///
/// The request has released the account's `active` claim: that was the pivot, and no command of the user has gone through since. So each step
/// finds everything, and a step that fails is tried again until it is done. The key is destroyed last, because until then the read tables may
/// need what it opens.
struct AccountClosure: ProcessManager {
    let kind = "account-closure"
    let patience = Duration.seconds(900)
    let longestPause = Duration.seconds(8)
    let beginsPastPivot = true
    /// Nil where it only decides.
    let means: ProcessMeans?

    func messages(in event: RecordedEvent) -> [ProcessMessage] {
        event.type == "ClosureRequested" ? [ProcessMessage(event.stream.id, .start(input: event.data))] : []
    }

    func decide(_ news: ProcessNews, in state: ProcessState) -> [ProcessDecision] {
        let closure = state.input["closure"] ?? .null
        let last = state.steps.last?.command ?? [:]
        switch news {
        case .started: return [issue(.closeAccount, ["closure": closure])]
        // An operator can't skip a step of an erasure: it is tried again at once.
        case .stepDone(let step, let result) where result.list.isEmpty: return [.issue(step: step, last)]
        case .stepDone(let name, let result):
            switch ClosureStep(rawValue: name) {
            case .closeAccount: return [issue(.endSessions, ["closure": closure, "closedAt": result["position"] ?? .null])]
            // None can have been drafted after the account was closed.
            case .endSessions: return [issue(.deletePosts, last)]
            case .deletePosts: return [issue(.scrubReadModels, ["from": last["closedAt"] ?? .null, "through": result["position"] ?? .null])]
            case .scrubReadModels: return [issue(.destroyKey, [:])]
            case .destroyKey, .releaseClaim, .signReceipt, nil: return [.end(.completed)]
            }
        case .replied, .stepRefused, .deadlinePassed: return []
        }
    }

    private func issue(_ step: ClosureStep, _ command: JSONObject) -> ProcessDecision { .issue(step: step.rawValue, command) }

    func execute(_ command: ProcessCommand) async throws -> CommandOutcome {
        guard let means else { throw UnexpectedAnswer(status: 503) }
        let user = command.process.lowercased
        let context = CallContext(logger: means.logger, requestID: command.correlation ?? command.id.lowercased)
        switch ClosureStep(rawValue: command.step) {
        case .closeAccount:
            let answer = try await means.commands.post(.closeUser, user, json: command.body, context: context)
            return .done(["position": .integer(try answer.position)])
        case .endSessions:
            try await means.auth.post(.endSessionsOfUser, user, json: [:], context: context).confirm()
            return .done(["position": command.body["closedAt"] ?? .null])
        case .deletePosts: return .done(try await deletePosts(command, means, context))
        case .scrubReadModels:
            let (first, last) = (try command.position("from"), try command.position("through"))
            let headers: HTTPFields = [.waitForPosition: "\(last)", .prefer: "wait=5"]
            try await means.queries.get(.erasures, query: "from=\(first)", headers: headers, context: context).confirm()
            return .done(["position": .integer(last)])
        case .destroyKey:
            try await means.auth.post(.destroyKeyOfUser, user, json: [:], context: context).confirm()
            return .done(["user": .string(user)])
        case .releaseClaim, .signReceipt, nil: return .refused("the closure of an account has no such command")
        }
    }

    /// Deletes the posts that the user drafted before the account was closed. Tells how many, and where the last erasure stands: without posts it is
    /// that of the account.
    private func deletePosts(_ command: ProcessCommand, _ means: ProcessMeans, _ context: CallContext) async throws -> JSONObject {
        let closedAt = try command.position("closedAt")
        var (position, count): (Int64, Int64) = (closedAt, 0)
        for first in stride(from: 1, through: closedAt, by: Self.stretch) {
            var posts = try await means.posts(command.process, first...min(closedAt, first + Int64(Self.stretch) - 1))[...]
            while !posts.isEmpty {
                let batch = posts.prefix(Self.batch).map { JSONValue.string($0.lowercased) }
                let body: JSONObject = ["closure": command.body["closure"] ?? .null, "posts": .array(batch)]
                let answer = try await means.commands.post(.deletePostsOfUser, command.process.lowercased, json: body, context: context)
                position = max(position, try answer.position)
                count += answer.data?["count"]?.int ?? 0
                posts = posts.dropFirst(Self.batch)
            }
        }
        return ["position": .integer(position), "count": .integer(count)]
    }

    /// Positions of the log that are searched at once, and posts that are deleted at once.
    private static let (stretch, batch) = (50_000, 100)
}

extension ProcessCommand {
    fileprivate func position(_ name: String) throws -> Int64 {
        guard let position = body[name]?.int else { throw UnexpectedAnswer(status: 500) }
        return position
    }
}

extension ServiceAnswer {
    fileprivate func confirm() throws { guard isSuccess else { throw UnexpectedAnswer(status: status.code) } }

    fileprivate var position: Int64 {
        get throws {
            guard let position = data?["position"]?.int else { throw UnexpectedAnswer(status: status.code) }
            return position
        }
    }
}
