import AccessTokens
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Postgres
import PublishingAPI

extension Auth {
    /// The endpoints of the auth service.
    func addRoutes(to routes: inout Routes) {
        routes.on(.register, register)
        routes.on(.login, login)
        routes.on(.refresh, refresh)
        routes.on(.logout, logout)
        routes.on(.changePassword, changePassword)
        routes.on(.revocations, revocationNews)
        routes.on(.closeAccount, closeAccount)
        routes.on(.accountClosure, closure)
        closureSteps.add(to: &routes)
        routes.on(.signingKeys, publishedKeys)
    }

    /// This service's own errors as problems.
    static let problems: ProblemMapping = { error in
        switch error {
        case is PasswordHasher.Overloaded: .unavailable("Too many people are signing in at this moment.", retryAfter: 1)
        case let error as PostgresError where error.isTransient || error.kind == .cancelled: .unavailable()
        default: nil
        }
    }
}

extension Auth {
    /// `POST /api/v1/auth/password`
    func changePassword(_ request: Request, _ context: CallContext) async throws -> Response {
        let user = try context.signedIn()
        try request.refuseParameters()
        let idempotencyKey = try Preconditions.idempotencyKey(request)
        var fields = Fields(try await request.jsonBody())
        // As at sign-in, only a password that nobody could have is refused here. Any other is a wrong password.
        let current = fields.text("currentPassword", 1...Applicant.passwordLength.upperBound)
        let new = fields.text("newPassword", Applicant.passwordLength)
        try fields.finish()
        let isReplay = try await passwordChange.change(of: user, from: current, to: new, idempotencyKey: idempotencyKey, context: context)
        var headers = HTTPFields()
        if isReplay { headers.markReplayed() }
        return Answer.noContent(headers: headers)
    }
}

extension Auth {
    /// `GET /.well-known/jwks.json`: a JWK Set (RFC 7517 §5), so without the `data` around it.
    func publishedKeys(_ request: Request, _ context: CallContext) async throws -> Response {
        let set: JSONObject = ["keys": .array(try await keys.published().map { .object($0.jwk) })]
        return Answer.bytes(json: JSONValue.object(set).encoded, headers: [.cacheControl: "public, max-age=300"])
    }
}

extension Auth {
    /// `GET /internal/revocations?after=<cursor>`, for services only.
    func revocationNews(_ request: Request, _ context: CallContext) async throws -> Response {
        var query = QueryParameters(request)
        let cursor = query.text("after")
        try query.finish()
        let news = try await revocations.news(after: cursor)
        return Answer.data(headers: [.cacheControl: "no-store"]) { news.write(to: &$0) }
    }
}

extension Auth {
    /// `POST /api/v1/auth/register`
    func register(_ request: Request, _ context: CallContext) async throws -> Response {
        try request.refuseParameters()
        let idempotencyKey = try Preconditions.idempotencyKey(request)
        let applicant = try Applicant(await request.jsonBody())
        let registered = try await registration.register(applicant, idempotencyKey: idempotencyKey, context: context)
        let user = registered.profile
        var headers: HTTPFields = [.location: Endpoint.user.path(user.id.lowercased)]
        headers.setETag(version: user.version)
        headers.setPosition(registered.position)
        if registered.isReplay { headers.markReplayed() }
        let document = UserDocument(id: user.id, username: user.username, role: user.role.rawValue, createdAt: Timestamp(user.createdAt))
        return Answer.data(.created, headers: headers) { document.write([], to: &$0) }
    }
}

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
