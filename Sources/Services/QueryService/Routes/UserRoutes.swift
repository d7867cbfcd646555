import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import PublishingAPI

/// Accounts as their owners, everyone and admins see them.
struct UserRoutes: Sendable {
    let models: ReadModels
    let cursors: CursorCodec

    private static let identity = ListIdentity(name: "users")

    func add(to routes: inout Routes) {
        routes.on(.currentUser) { request, context in
            let (user, position) = try await account(context.signedIn().id, request)
            return QueryResponse.user(user, [.email, .displayName, .bio, .postCount, .version], at: position, to: request)
        }
        routes.on(.user) { request, context in
            let (user, position) = try await account(context.id(), request)
            return QueryResponse.user(user, [.displayName, .bio, .postCount, .version], at: position, to: request)
        }
        routes.on(.listUsers) { request, _ in try await list(request) }
    }

    private func account(_ id: UUID, _ request: Request) async throws -> (UserDocument, position: Int64) {
        try request.refuseParameters()
        let found = try await models.read(UserByID(id: id), for: request)
        guard let user = found.value else {
            try await models.confirmAbsence(of: id, in: UserByID.models)
            throw QueryResponse.notFound(at: found.position)
        }
        return (user, found.position)
    }

    private func list(_ request: Request) async throws -> Response {
        var parameters = QueryParameters(request)
        let username = parameters.text("username")
        let place = try ListPlace(parameters, in: Self.identity, cursors: cursors, hasPages: false)
        guard case .after(let key) = place.start else { throw Problem.malformed("This list has no pages.") }
        let query = username.map(UserListQuery.init(username:)) ?? UserListQuery(after: key, limit: place.rowsWanted)
        let found = try await models.read(query, for: request)
        let (users, pagination) = place.cut(found.value.users, of: found.value.total, in: Self.identity, cursors: cursors) {
            ListKey(rank: $0.createdAt?.milliseconds ?? 0, id: $0.id)
        }
        return QueryResponse.list(pagination, at: found.position, to: request) { writer, _ in
            for user in users { user.write([.displayName, .bio, .status, .postCount, .version], to: &writer) }
        }
    }
}
