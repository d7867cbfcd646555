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
