import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import Publishing
import PublishingAPI

extension Auth {
    /// `DELETE /api/v1/users/me`: requests the closure in the log, which is all that can be refused. A process then does the rest.
    func closeAccount(_ request: Request, _ context: CallContext) async throws -> Response {
        let user = try context.signedIn().id
        try request.refuseParameters()
        let key = try Preconditions.idempotencyKey(request)
        var fields = Fields(try await request.jsonBody())
        let password = fields.text("password", 1...Applicant.passwordLength.upperBound)
        try fields.finish()
        let version = try Preconditions.expectedVersion(request)
        // The password may be gone by now.
        if let before = try await closures.closure(of: user)?.request {
            return accepted(before.id, position: before.position, isReplay: key != nil)
        }
        _ = try await passwordConfirmation.confirm(password, of: user, field: "password", context: context)
        let id = UUID.v7(at: settings.now())
        var body: JSONObject = ["closure": .string(id.lowercased)]
        if let version { body["version"] = .integer(Int64(version)) }
        let answer = try await commands.reach(logger: logger) { [body] in
            try await $0.post(.requestClosure, user.lowercased, json: body, context: context)
        }
        guard let closure = answer.data?["closure"]?.text.flatMap({ UUID(lowercase: $0) }), let position = answer.data?["position"]?.int else {
            if answer.problemCode == .unauthenticated { throw Problem.unauthenticated("This account is not active.") }
            // The last admin, or another version. Every other error may pass.
            let isRefused = answer.problemCode == .conflict || answer.problemCode == .preconditionFailed
            if isRefused, let problem = Problem(passedOnFrom: answer) { throw problem }
            logger.warning("a closure could not be requested", metadata: ["status": "\(answer.status.code)"])
            throw Problem.unavailable()
        }
        return accepted(closure, position: position, isReplay: key != nil && closure != id)
    }

    private func accepted(_ closure: UUID, position: Int64, isReplay: Bool) -> Response {
        var headers: HTTPFields = [.location: Endpoint.accountClosure.path(closure.lowercased)]
        headers.setPosition(position)
        if isReplay { headers.markReplayed() }
        return Answer.data(.accepted, headers: headers) { writer in
            writer.object {
                $0.name("closureId")
                $0.string(closure.lowercased)
            }
        }
    }

    /// `GET /api/v1/users/closures/{closureId}`. The id alone gives access, since its holder may have no account any more.
    func closure(_ request: Request, _ context: CallContext) async throws -> Response {
        guard let closure = try await closures.find(try context.id("closureId")) else { throw Problem.notFound() }
        let receipt = try await closures.receipt(of: closure)
        return Answer.data(headers: [.cacheControl: "no-store"]) { writer in
            writer.object {
                $0.name("status")
                $0.string(closure.status)
                $0.name("steps")
                $0.array { for step in ClosureStep.allCases { closure.write(step, to: &$0) } }
                guard let receipt else { return }
                $0.name("receipt")
                $0.string(receipt)
            }
        }
    }
}

extension Closure {
    fileprivate func write(_ step: ClosureStep, to writer: inout JSONWriter) {
        let done = steps.first { $0.step == step }
        writer.object {
            $0.name("name")
            $0.string(step.rawValue)
            $0.name("status")
            $0.string(done == nil ? "pending" : "done")
            $0.name("at")
            if let done { $0.string(done.at.description) } else { $0.null() }
        }
    }
}
