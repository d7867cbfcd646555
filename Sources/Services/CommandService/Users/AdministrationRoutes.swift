import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// Admins' commands on accounts. The token must say admin; the rules check against the log that its holder still is one.
struct AdministrationRoutes: Sendable {
    let administration: Administration
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.changeRole) { request, context in
            let admin = try context.signedIn()
            let id = try context.id()
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let role = fields.choice("role", of: Publishing.Role.self)
            try fields.finish()
            guard let role else { throw Problem.validation("role", "is required") }
            return try await answer(.changeRole(role), on: id, by: admin, request, context, body: body)
        }
        routes.on(.deactivateUser) { request, context in
            try await answerWithoutFields(.deactivate, request, context)
        }
        routes.on(.reactivateUser) { request, context in
            try await answerWithoutFields(.reactivate, request, context)
        }
    }

    private func answerWithoutFields(_ command: UserCommand, _ request: Request, _ context: CallContext) async throws -> Response {
        let admin = try context.signedIn()
        let id = try context.id()
        let body = try await request.optionalJSONBody() ?? [:]
        var fields = Fields(body)
        try fields.finish()
        return try await answer(command, on: id, by: admin, request, context, body: body)
    }

    private func answer(
        _ command: UserCommand, on id: UUID, by admin: SignedInUser, _ request: Request, _ context: CallContext, body: JSONObject
    ) async throws -> Response {
        do {
            return try await administration.handle(
                command, on: id, by: .admin(admin.id), in: try identity.command(request, context, by: admin, body: body)
            ).response {
                $0.member("role", $1.state.account?.role.rawValue)
                $0.member("status", $1.state.statusName)
            }
        } catch UserRefusal.closed {
            // Of one's own account this refusal means that the caller is nobody any more; here it is another's.
            throw Problem.conflict("The account is closed.")
        }
    }
}
