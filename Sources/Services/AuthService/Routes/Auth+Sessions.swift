import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON

extension Auth {
    /// `POST /api/v1/auth/login`
    func login(_ request: Request, _ context: CallContext) async throws -> Response {
        try request.refuseParameters()
        let wait = try Preconditions.waitForPosition(request)
        var fields = Fields(try await request.jsonBody())
        // Only a password that nobody could have registered is refused here. Any other is a wrong password.
        let email = fields.text("email", 1...254)
        let password = fields.text("password", 1...Applicant.passwordLength.upperBound)
        try fields.finish()
        if let wait, try await !follower.waitFor(wait.position, timeout: wait.timeout) { throw Problem.readModelBehind(position: follower.position) }
        return answer(try await signIn.signIn(email: email, password: password, context: context))
    }

    /// `POST /api/v1/auth/refresh`
    func refresh(_ request: Request, _ context: CallContext) async throws -> Response {
        answer(try await signIn.refresh(refreshToken(in: request), context: context))
    }

    /// `POST /api/v1/auth/logout`
    func logout(_ request: Request, _ context: CallContext) async throws -> Response {
        try await signIn.signOut(refreshToken(in: request))
        return Answer.noContent()
    }

    private func refreshToken(in request: Request) async throws -> String {
        try request.refuseParameters()
        var fields = Fields(try await request.jsonBody())
        let token = fields.text("refreshToken", 1...1024)
        try fields.finish()
        return token
    }

    private func answer(_ grant: SignIn.Grant) -> Response {
        // RFC 6749 §5.1: no cache may keep a token.
        Answer.data(headers: [.cacheControl: "no-store"]) { writer in
            writer.object {
                $0.name("accessToken")
                $0.string(grant.accessToken)
                $0.name("tokenType")
                $0.string("Bearer")
                $0.name("expiresIn")
                $0.integer(settings.accessTokenLifetime.components.seconds)
                $0.name("refreshToken")
                $0.string(grant.session.refreshToken.text)
                $0.name("user")
                grant.user.write(to: &$0)
            }
        }
    }
}
