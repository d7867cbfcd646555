import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird

extension Auth {
    /// `POST /api/v1/auth/password`
    func changePassword(_ request: Request, _ context: CallContext) async throws -> Response {
        let user = try context.signedIn()
        try request.refuseParameters()
        let idempotencyKey = try Preconditions.idempotencyKey(request)
        var fields = Fields(try await request.jsonBody())
        // As at signing in: only what nobody could have is refused here, the rest is a wrong password.
        let current = fields.text("currentPassword", 1...Applicant.passwordLength.upperBound)
        let new = fields.text("newPassword", Applicant.passwordLength)
        try fields.finish()
        let isReplay = try await passwordChange.change(of: user, from: current, to: new, idempotencyKey: idempotencyKey, context: context)
        var headers = HTTPFields()
        if isReplay { headers.markReplayed() }
        return Answer.noContent(headers: headers)
    }
}
