package import HTTPTypes

/// Everything that Annals answers over HTTP. Paths, the services behind them and the rights that they need stand here and nowhere else.
package enum Endpoint: String, CaseIterable, Sendable {
    case health, startup, readiness
    case home, documentation, asset, documentInYAML, documentInJSON

    case register, login, refresh, logout, changePassword, signingKeys

    case currentUser, updateCurrentUser, closeAccount, accountClosure
    case listUsers, user, postsOfUser, changeRole, deactivateUser, reactivateUser

    case listPosts, createPost, postBySlug, post, postInThePast, editPost, deletePost, publishPost, unpublishPost, schedulePost, unschedulePost
    case postHistory, postViews, recordView
    case trendingPosts, ownTotals, dashboard

    case eventStream, postStream

    case auditEvents, auditProof, auditCheckpoint, auditTile

    case listWebhooks, createWebhook, deleteWebhook, webhookDeliveries, testWebhook, replayWebhook, rotateWebhookSecret

    case registeredUser, registerUser, recordViews, postPosition, postChanges, revocations
    case requestClosure, closeUser, endSessionsOfUser, deletePostsOfUser, erasures, destroyKeyOfUser
    case publishScheduledPost, appendToProcess, endWebhook
}

extension Endpoint {
    /// The start of every public path but those of the pages, `/health`, `/startup`, `/ready` and the signing keys.
    package static let basePath = "/api/v1"

    /// The table.
    package var route: Route {
        switch self {
        case .health: .get("/health", .gateway, limit: .uncounted, ignoresCredentials: true)
        case .startup: .get("/startup", .gateway, limit: .uncounted, ignoresCredentials: true)
        case .readiness: .get("/ready", .gateway, limit: .uncounted, ignoresCredentials: true)

        case .home: .get("/", .gateway, limit: .uncounted, ignoresCredentials: true)
        case .documentation: .get("/docs", .gateway, limit: .uncounted, ignoresCredentials: true)
        case .asset: .get("/assets/{name}", .gateway, limit: .uncounted, ignoresCredentials: true)
        case .documentInYAML: .get("/openapi.yaml", .gateway, limit: .uncounted, ignoresCredentials: true)
        case .documentInJSON: .get("/openapi.json", .gateway, limit: .uncounted, ignoresCredentials: true)

        case .register: .command(.post, "/auth/register", .auth, .anyone, limit: .registration, ignoresCredentials: true)
        case .login: .command(.post, "/auth/login", .auth, .anyone, limit: .login, takesKey: false, ignoresCredentials: true)
        case .refresh: .command(.post, "/auth/refresh", .auth, .anyone, takesKey: false, ignoresCredentials: true)
        case .logout: .command(.post, "/auth/logout", .auth, .anyone, ignoresCredentials: true)
        case .changePassword: .command(.post, "/auth/password", .auth, .signedIn, limit: .password)
        case .signingKeys: .get("/.well-known/jwks.json", .auth, limit: .uncounted, ignoresCredentials: true)

        case .currentUser: .query("/users/me", .queries, .signedIn)
        case .updateCurrentUser: .command(.patch, "/users/me", .commands, .signedIn, limit: .claims)
        case .closeAccount: .command(.delete, "/users/me", .auth, .signedIn, limit: .password)
        case .accountClosure: .query("/users/closures/{closureId}", .auth, .anyone, ignoresCredentials: true)
        case .listUsers: .query("/users", .queries, .admin)
        case .user: .query("/users/{id}", .queries, .anyone)
        case .postsOfUser: .query("/users/{id}/posts", .queries, .anyone)
        case .changeRole: .command(.put, "/users/{id}/role", .commands, .admin)
        case .deactivateUser: .command(.post, "/users/{id}/deactivate", .commands, .admin)
        case .reactivateUser: .command(.post, "/users/{id}/reactivate", .commands, .admin)

        case .listPosts: .query("/posts", .queries, .anyone)
        case .createPost: .command(.post, "/posts", .commands, .signedIn)
        case .postBySlug: .query("/posts/by-slug/{slug}", .queries, .anyone)
        case .post: .query("/posts/{id}", .queries, .anyone)
        case .postInThePast: .query("/posts/{id}", .commands, .signedIn, ifQueryNames: ["version", "asOf"])
        case .editPost: .command(.patch, "/posts/{id}", .commands, .signedIn)
        case .deletePost: .command(.delete, "/posts/{id}", .commands, .signedIn)
        case .publishPost: .command(.post, "/posts/{id}/publish", .commands, .signedIn)
        case .unpublishPost: .command(.post, "/posts/{id}/unpublish", .commands, .signedIn)
        case .schedulePost: .command(.post, "/posts/{id}/schedule", .commands, .signedIn)
        case .unschedulePost: .command(.delete, "/posts/{id}/schedule", .commands, .signedIn)
        case .postHistory: .query("/posts/{id}/history", .commands, .signedIn)
        case .postViews: .query("/posts/{id}/views", .queries, .signedIn)
        case .recordView: .command(.post, "/posts/{id}/views", .queries, .anyone)

        case .trendingPosts: .query("/posts/trending", .queries, .anyone)
        case .ownTotals: .query("/users/me/totals", .queries, .signedIn)
        case .dashboard: .query("/dashboard", .gateway, .signedIn)

        case .eventStream: .query("/events/stream", .commands, .admin)
        case .postStream: .query("/posts/stream", .queries, .anyone)

        case .auditEvents: .query("/audit/events", .commands, .admin)
        case .auditProof: .query("/audit/events/{position}/proof", .commands, .admin)
        case .auditCheckpoint: .query("/audit/checkpoint", .commands, .anyone, ignoresCredentials: true)
        case .auditTile: .query("/audit/tile/{path...}", .commands, .anyone, limit: .partialTiles, ignoresCredentials: true)

        case .listWebhooks: .query("/webhooks", .relay, .admin)
        case .createWebhook: .command(.post, "/webhooks", .commands, .admin)
        case .deleteWebhook: .command(.delete, "/webhooks/{id}", .commands, .admin)
        case .webhookDeliveries: .query("/webhooks/{id}/deliveries", .relay, .admin)
        case .testWebhook: .command(.post, "/webhooks/{id}/test", .commands, .admin)
        case .replayWebhook: .command(.post, "/webhooks/{id}/replay", .commands, .admin)
        case .rotateWebhookSecret: .command(.post, "/webhooks/{id}/secret", .commands, .admin)
        case .endWebhook: .internal(.post, "/internal/webhooks/{id}/end", .commands, from: [.relay])

        case .registeredUser: .internal(.get, "/internal/users/{id}", .commands, from: [.auth])
        case .registerUser: .internal(.post, "/internal/users", .commands, from: [.auth], takesKey: true)
        case .recordViews: .internal(.post, "/internal/views", .commands, from: [.queries], takesKey: true)
        case .postPosition: .internal(.get, "/internal/posts/{id}/position", .commands, from: [.queries])
        case .postChanges: .internal(.get, "/internal/posts/changes", .commands, from: [.queries])
        case .publishScheduledPost: .internal(.post, "/internal/posts/{id}/schedule", .commands, from: [.relay])
        case .appendToProcess: .internal(.post, "/internal/processes/{id}", .commands, from: [.relay])

        case .requestClosure: .internal(.post, "/internal/users/{id}/closure", .commands, from: [.auth])
        case .closeUser: .internal(.post, "/internal/users/{id}/closure/account", .commands, from: [.relay])
        case .endSessionsOfUser: .internal(.post, "/internal/users/{id}/closure/sessions", .auth, from: [.relay])
        case .deletePostsOfUser: .internal(.post, "/internal/users/{id}/closure/posts", .commands, from: [.relay])
        case .erasures: .internal(.get, "/internal/erasures", .queries, from: [.relay])
        case .destroyKeyOfUser: .internal(.post, "/internal/users/{id}/closure/key", .auth, from: [.relay])

        case .revocations: .internal(.get, "/internal/revocations", .auth, from: [.gateway, .auth, .commands, .queries, .relay])
        }
    }

    /// The path with its parameters filled in, in the order in which the template names them. Each value is percent-encoded as one segment.
    package func path(_ values: String...) -> String { path(values) }

    /// The same with the values in an array.
    package func path(_ values: [String]) -> String {
        var values = values[...]
        let segments = route.path.split(separator: "/").map { segment in
            segment.hasPrefix("{") ? Self.encode(values.popFirst() ?? "") : String(segment)
        }
        return "/" + segments.joined(separator: "/")
    }

    private static func encode(_ segment: String) -> String {
        segment.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}

extension Endpoint {
    /// Whether its answer goes on for as long as its reader likes.
    package var isStream: Bool { self == .eventStream || self == .postStream }
}

/// The services that endpoints belong to. The raw value is a service's name in tokens.
package enum ServiceName: String, CaseIterable, Sendable {
    case gateway, auth, commands, queries, relay
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
