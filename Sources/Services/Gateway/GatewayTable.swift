import HTTPContract
import HTTPTypes

/// Who answers a route.
enum Destination: Sendable {
    case auth
    case commands
    case queries
    /// The read model, or, when the query asks for a past state, the log's owner.
    case post
    /// The gateway itself.
    case own(Routes.Handler)
}

/// What the gateway knows of one path.
struct GatewayEndpoint: Sendable {
    /// The path's template.
    let path: String
    var destinations: [HTTPRequest.Method: Destination] = [:]
    /// The value of `Allow`, over all services.
    var allow = ""

    func destination(of method: HTTPRequest.Method) -> Destination? {
        destinations[method] ?? (method == .head ? destinations[.get] : nil)
    }

    /// Which limit a call counts for. By the template, not by the path as it was written: `%6Cogin` is a login, too.
    func kind(of method: HTTPRequest.Method) -> CallKind {
        switch (method, path) {
        case (.post, "/api/v1/auth/register"): .registration
        case (.post, "/api/v1/auth/login"): .login
        case (.post, "/api/v1/auth/password"), (.delete, "/api/v1/users/me"): .password
        default: .other
        }
    }
}

/// Which service answers what: every path that the outside can reach stands here, so nothing internal can be reached by accident.
enum GatewayTable {
    private static let services: [(HTTPRequest.Method, String, Destination)] = [
        (.post, "/api/v1/auth/register", .auth),
        (.post, "/api/v1/auth/login", .auth),
        (.post, "/api/v1/auth/refresh", .auth),
        (.post, "/api/v1/auth/logout", .auth),
        (.post, "/api/v1/auth/password", .auth),
        (.get, "/.well-known/jwks.json", .auth),

        (.get, "/api/v1/users/me", .queries),
        (.patch, "/api/v1/users/me", .commands),
        (.delete, "/api/v1/users/me", .auth),
        (.get, "/api/v1/users/closures/{closureId}", .auth),
        (.get, "/api/v1/users", .queries),
        (.get, "/api/v1/users/{id}", .queries),
        (.get, "/api/v1/users/{id}/posts", .queries),
        (.put, "/api/v1/users/{id}/role", .commands),
        (.post, "/api/v1/users/{id}/deactivate", .commands),
        (.post, "/api/v1/users/{id}/reactivate", .commands),

        (.get, "/api/v1/posts", .queries),
        (.post, "/api/v1/posts", .commands),
        (.get, "/api/v1/posts/stream", .queries),
        (.get, "/api/v1/posts/by-slug/{slug}", .queries),
        (.get, "/api/v1/posts/{id}", .post),
        (.patch, "/api/v1/posts/{id}", .commands),
        (.delete, "/api/v1/posts/{id}", .commands),
        (.post, "/api/v1/posts/{id}/publish", .commands),
        (.post, "/api/v1/posts/{id}/unpublish", .commands),
        (.get, "/api/v1/posts/{id}/history", .commands),
        (.get, "/api/v1/posts/{id}/views", .queries),
        (.post, "/api/v1/posts/{id}/views", .queries),

        (.get, "/api/v1/events/stream", .commands),
        (.get, "/api/v1/audit/events", .commands),
        (.get, "/api/v1/audit/events/{position}/proof", .commands),
        (.get, "/api/v1/audit/checkpoint", .commands),
        (.get, "/api/v1/audit/tile/{path...}", .commands),
    ]

    /// The table as a tree, with the gateway's own routes; of two entries for one method and path, the gateway's own wins.
    static func tree(own: Routes) -> RouteTree<GatewayEndpoint> {
        let rows = services + own.routes.map { ($0.method, $0.path, Destination.own($0.handler)) }
        var endpoints: [String: GatewayEndpoint] = [:]
        for (method, path, destination) in rows { endpoints[path, default: GatewayEndpoint(path: path)].destinations[method] = destination }
        return RouteTree(
            endpoints.map { path, endpoint in
                var endpoint = endpoint
                endpoint.allow = AllowedMethods.header(for: endpoint.destinations.keys)
                return (path, endpoint)
            })
    }
}
