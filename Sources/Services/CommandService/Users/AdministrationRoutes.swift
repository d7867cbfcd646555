import AccessTokens
package import EventSourcing
package import FoundationEssentials
import HTTPContract
import Hummingbird
import JSON
package import Publishing
import PublishingAPI

/// Admins' commands on accounts. The token must say admin; the rules check against the log that its holder still is one.
struct AdministrationRoutes: Sendable {
    let administration: Administration
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.changeRole) { request, context in
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let role = fields.choice("role", of: Publishing.Role.self)
            try fields.finish()
            guard let role else { throw Problem.validation("role", "is required") }
            return try await answer(.changeRole(role), request, context, body: body)
        }
        routes.on(.deactivateUser) { try await answer(.deactivate, $0, $1, body: $0.emptyJSONBody()) }
        routes.on(.reactivateUser) { try await answer(.reactivate, $0, $1, body: $0.emptyJSONBody()) }
    }

    private func answer(_ command: UserCommand, _ request: Request, _ context: CallContext, body: JSONObject) async throws -> Response {
        let admin = try context.signedIn()
        let id = try context.id()
        do {
            return try await administration.handle(
                command, on: id, by: .admin(admin.id), in: try identity.command(request, context, by: admin, body: body)
            ).response {
                $0.member("role", $1.state.account?.role.rawValue)
                $0.member("status", $1.state.statusName)
            }
        } catch UserRefusal.closed {
            // On the caller's own account this means 401. Here the account is somebody else's, so 409.
            throw Problem.conflict("The account is closed.")
        }
    }
}

/// The account is being closed: its user can't be let in again, nor made an admin.
package struct AccountClosing: Error, Hashable {}

/// Commands that decide who may act, and as what: roles, deactivations, reactivations, closures. Each goes to the account's stream and, in the same
/// request, to the stream of the admins at an exact version.
package struct Administration: Sendable {
    let store: any EventStore
    private let users: CommandHandler<UserRules>
    private let admins: CommandHandler<AdminRules>

    /// - Parameter store: the log, opened for appends.
    package init(store: any EventStore) { self.init(store: store, users: CommandHandler(store: store)) }

    init(store: any EventStore, users: CommandHandler<UserRules>) {
        self.store = store
        self.users = users
        admins = CommandHandler(store: store)
    }

    /// Decides one command on an account and appends what happened. Throws `AdminRefusal` and `AccountClosing`, beside what `CommandHandler.handle`
    /// throws.
    /// - Parameter others: the appends to other streams in the same request. Called on each attempt; if it throws, the command is refused.
    package func handle(
        _ command: UserCommand, on user: UUID, by authority: Authority, in context: CommandContext,
        alongside others: () async throws -> [StreamAppend] = { [] }
    ) async throws -> CommandResult<UserRules> {
        let account = StreamName(UserRules.category, user)
        do {
            return try await users.handle(command, on: account, in: context) { state, events in
                let acts = command != .beginClosure && UserRules.fold(events, from: state).actsAsAdmin
                let appends = try await appendToAdmins(AdminCommand(user: user, acts: acts, authority: authority), unlessUnrelatedTo: state)
                // A command that changes nothing is never appended, so nothing else finds out that the account is being closed.
                if command == .reactivate, events.isEmpty, try await store.holder(of: .active, value: user.lowercased) == nil {
                    throw AccountClosing()
                }
                return appends + (try await others())
            }
        } catch CommandFailure.claimMissing(let kind, let holder) where kind == .active && holder == account {
            throw AccountClosing()
        }
    }

    private func appendToAdmins(_ command: AdminCommand, unlessUnrelatedTo state: UserState) async throws -> [StreamAppend] {
        switch command.authority {
        case .admin: break
        // Commands on a user who neither was nor becomes an admin need not take turns on the admins' stream.
        case .owner, .server: if !state.actsAsAdmin, !command.acts { return [] }
        }
        return [try await admins.decision(on: command, for: AdminRules.stream)]
    }
}
