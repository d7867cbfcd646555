package import HTTPTypes

/// The services that endpoints belong to. The raw value is a service's name in tokens.
package enum ServiceName: String, CaseIterable, Sendable {
    case gateway, auth, commands, queries
}

/// One row of the table: where an endpoint is, and what it asks of a caller.
package struct Route: Sendable {
    /// The callers that an endpoint admits.
    package enum Access: Sendable, Equatable {
        case anyone
        case signedIn
        case admin
        /// These services and nobody else: for all others the endpoint does not exist.
        case services([ServiceName])
    }

    /// Which rate limit a call counts for.
    package enum Limit: Sendable, Equatable {
        case calls
        case login
        case registration
        /// A call that asks a signed-in user for the password again.
        case password
        /// A call that may tell that a name or an email is taken: it counts as a registration, too, if it does.
        case claims
        /// Full tiles never change and are not counted; partial ones count as calls.
        case partialTiles
        case uncounted
    }

    package let method: HTTPRequest.Method
    private let base: String
    private let template: String
    package let service: ServiceName
    package let access: Access
    package let limit: Limit
    /// Whether an `Idempotency-Key` makes a repeat harmless.
    package let takesIdempotencyKey: Bool
    /// Whether no notice is taken of credentials, so that stale ones stand in nobody's way.
    package let ignoresCredentials: Bool
    /// Names one of which must be in the query. Of two endpoints with the same method and path, the one whose names are there answers.
    package let queryNames: [String]

    /// The template: `{name}` takes one segment, `{name...}` as last takes all that are left.
    package var path: String { base + template }

    static func get(_ path: String, _ service: ServiceName, limit: Limit, ignoresCredentials: Bool) -> Route {
        Route(
            method: .get, base: "", template: path, service: service, access: .anyone, limit: limit, takesIdempotencyKey: false,
            ignoresCredentials: ignoresCredentials, queryNames: [])
    }

    static func query(
        _ path: String, _ service: ServiceName, _ access: Access, limit: Limit = .calls, ignoresCredentials: Bool = false,
        ifQueryNames queryNames: [String] = []
    ) -> Route {
        Route(
            method: .get, base: Endpoint.basePath, template: path, service: service, access: access, limit: limit, takesIdempotencyKey: false,
            ignoresCredentials: ignoresCredentials, queryNames: queryNames)
    }

    static func command(
        _ method: HTTPRequest.Method, _ path: String, _ service: ServiceName, _ access: Access, limit: Limit = .calls, takesKey: Bool = true,
        ignoresCredentials: Bool = false
    ) -> Route {
        Route(
            method: method, base: Endpoint.basePath, template: path, service: service, access: access, limit: limit, takesIdempotencyKey: takesKey,
            ignoresCredentials: ignoresCredentials, queryNames: [])
    }

    static func `internal`(
        _ method: HTTPRequest.Method, _ path: String, _ service: ServiceName, from callers: [ServiceName], takesKey: Bool = false
    ) -> Route {
        Route(
            method: method, base: "", template: path, service: service, access: .services(callers), limit: .uncounted, takesIdempotencyKey: takesKey,
            ignoresCredentials: false, queryNames: [])
    }

    /// Whether clients reach it through the gateway.
    package var isPublic: Bool {
        switch access {
        case .anyone, .signedIn, .admin: true
        case .services: false
        }
    }
}
