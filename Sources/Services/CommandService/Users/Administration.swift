package import EventSourcing
package import FoundationEssentials
package import Publishing

/// The account is being closed: its user can't be let in again, nor made an admin.
package struct AccountClosing: Error, Hashable {}

/// Commands that decide who may act, and as what: roles, deactivations, reactivations, closures. Each goes to the account's stream and, in the same request, to the
/// stream of the admins at an exact version.
package struct Administration: Sendable {
    private let store: any EventStore
    private let users: CommandHandler<UserRules>
    private let admins: CommandHandler<AdminRules>

    /// - Parameter store: the log, opened for appends.
    package init(store: any EventStore) {
        self.init(store: store, users: CommandHandler(store: store))
    }

    init(store: any EventStore, users: CommandHandler<UserRules>) {
        self.store = store
        self.users = users
        admins = CommandHandler(store: store)
    }

    /// Decides one command on an account and appends what happened. Throws `AdminRefusal` and `AccountClosing`, beside what `CommandHandler.handle` throws.
    package func handle(
        _ command: UserCommand, on user: UUID, by authority: Authority, as call: CommandCall
    ) async throws -> HandledCommand<UserRules> {
        let account = StreamName(UserRules.category, user)
        do {
            return try await users.handle(command, on: account, as: call) { state, events in
                let taken = try await circle(of: user, before: state, events, authority)
                // To whom nothing happens nothing would be refused: so it is asked, that nobody is told of an account that it is active.
                if command == .reactivate, events.isEmpty, try await store.holder(of: .active, value: user.lowercased) == nil {
                    throw AccountClosing()
                }
                return taken
            }
        } catch CommandFailure.claimMissing(let kind, let holder) where kind == .active && holder == account {
            throw AccountClosing()
        }
    }

    /// What the stream of the admins takes along.
    private func circle(of user: UUID, before state: UserState, _ events: [UserEvent], _ authority: Authority) async throws -> [StreamAppend] {
        let acts = UserRules.fold(events, from: state).actsAsAdmin
        switch authority {
        case .admin: break
        // Who is no admin and becomes none is no affair of theirs: such commands need not take turns.
        case .owner, .server: if !state.actsAsAdmin, !acts { return [] }
        }
        return [try await admins.decision(on: AdminCommand(user: user, acts: acts, authority: authority), for: AdminRules.stream)]
    }
}
