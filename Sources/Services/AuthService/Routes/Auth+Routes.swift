import HTTPContract
import HTTPTypes
import Postgres
import PublishingAPI

extension Auth {
    /// What the auth service answers.
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
