package import HTTPContract
import HTTPTypes
import Postgres

extension AuthService {
    /// What the auth service answers. What ignores credentials is how they are got.
    package var routes: Routes {
        var routes = Routes()
        routes.on(.post, "/api/v1/auth/register", ignoringCredentials: true, register)
        routes.on(.post, "/api/v1/auth/login", ignoringCredentials: true, login)
        routes.on(.post, "/api/v1/auth/refresh", ignoringCredentials: true, refresh)
        routes.on(.post, "/api/v1/auth/logout", ignoringCredentials: true, logout)
        routes.on(.post, "/api/v1/auth/password", changePassword)
        routes.on(.get, "/internal/revocations", revocationNews)
        routes.on(.delete, "/api/v1/users/me", closeAccount)
        routes.on(.get, "/api/v1/users/closures/{closureId}", ignoringCredentials: true, closure)
        routes.on(.get, "/.well-known/jwks.json", ignoringCredentials: true, publishedKeys)
        return routes
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
