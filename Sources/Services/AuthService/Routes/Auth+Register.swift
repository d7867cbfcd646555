import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI

extension Auth {
    /// `POST /api/v1/auth/register`
    func register(_ request: Request, _ context: CallContext) async throws -> Response {
        try request.refuseParameters()
        let idempotencyKey = try Preconditions.idempotencyKey(request)
        let applicant = try Applicant(await request.jsonBody())
        let user = try await registration.register(applicant, idempotencyKey: idempotencyKey, context: context)
        var headers: HTTPFields = [.location: Endpoint.user.path(user.id.lowercased)]
        headers.setETag(version: user.version)
        headers.setPosition(user.position)
        if user.isReplay { headers.markReplayed() }
        let document = UserDocument(id: user.id, username: user.username, role: user.role, createdAt: Timestamp(user.createdAt))
        return Answer.data(.created, headers: headers) { document.write([], to: &$0) }
    }
}
