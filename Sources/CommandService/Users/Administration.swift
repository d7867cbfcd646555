package import EventSourcing
package import FoundationEssentials
package import Publishing

/// Commands that decide who may act, and as what: roles, deactivations, reactivations, closures. Each goes to the account's stream and, in the same request, to the
/// stream of the admins at an exact version.
package struct Administration: Sendable {
    private let users: CommandHandler<UserRules>
    private let admins: CommandHandler<AdminRules>

    /// - Parameter store: the log, opened for appends.
    package init(store: any EventStore) {
        self.init(store: store, users: CommandHandler(store: store))
    }

    init(store: any EventStore, users: CommandHandler<UserRules>) {
        self.users = users
        admins = CommandHandler(store: store)
    }

    /// Decides one command on an account and appends what happened. Throws `AdminRefusal`, beside what `CommandHandler.handle` throws.
    package func handle(
        _ command: UserCommand, on user: UUID, by authority: Authority, as call: CommandCall
    ) async throws -> HandledCommand<UserRules> {
        try await users.handle(command, on: StreamName(UserRules.category, user), as: call) { state, events in
            let acts = UserRules.fold(events, from: state).actsAsAdmin
            switch authority {
            case .admin: break
            // Who is no admin and becomes none is no affair of theirs: such commands need not take turns.
            case .owner, .server: if !state.actsAsAdmin, !acts { return [] }
            }
            return [try await admins.decision(on: AdminCommand(user: user, acts: acts, authority: authority), for: AdminRules.stream)]
        }
    }
}
