import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI

extension Auth {
    /// `DELETE /api/v1/users/me`
    func closeAccount(_ request: Request, _ context: CallContext) async throws -> Response {
        let user = try context.signedIn()
        try request.refuseParameters()
        let key = try Preconditions.idempotencyKey(request)
        var fields = Fields(try await request.jsonBody())
        let password = fields.text("password", 1...Applicant.passwordLength.upperBound)
        try fields.finish()
        let version = try Preconditions.expectedVersion(request)
        let (closure, isNew) = try await closureRequests.begin(for: user, password: password, expecting: version, context: context)
        var headers: HTTPFields = [.location: Endpoint.accountClosure.path(closure.id.lowercased)]
        headers.setPosition(closure.steps.first?.position ?? 0)
        if !isNew, key != nil { headers.markReplayed() }
        return Answer.data(.accepted, headers: headers) { writer in
            writer.object {
                $0.name("closureId")
                $0.string(closure.id.lowercased)
            }
        }
    }

    /// `GET /api/v1/users/closures/{closureId}`. The id alone gives access, since its holder may have no account any more.
    func closure(_ request: Request, _ context: CallContext) async throws -> Response {
        guard let closure = try await closures.find(try context.id("closureId")) else { throw Problem.notFound() }
        let receipt: Closure.Receipt? =
            if let signed = closure.receipt { try await keys.current(signed, of: closure.statement, at: settings.now()) } else { nil }
        return Answer.data(headers: [.cacheControl: "no-store"]) { writer in
            writer.object {
                $0.name("status")
                $0.string(closure.status.rawValue)
                $0.name("steps")
                $0.array { for step in ClosureStep.allCases { closure.write(step, to: &$0) } }
                guard let receipt else { return }
                $0.name("receipt")
                $0.string(receipt.token)
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
