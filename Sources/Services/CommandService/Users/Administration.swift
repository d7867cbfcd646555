package import EventSourcing
package import FoundationEssentials
package import Publishing

/// The account is being closed: its user can't be let in again, nor made an admin.
package struct AccountClosing: Error, Hashable {}

/// Commands that decide who may act, and as what: roles, deactivations, reactivations, closures. Each goes to the account's stream and, in the same
/// request, to the
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

    /// Decides one command on an account and appends what happened. Throws `AdminRefusal` and `AccountClosing`, beside what `CommandHandler.handle`
    /// throws.
    package func handle(
        _ command: UserCommand, on user: UUID, by authority: Authority, in context: CommandContext
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
                return appends
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
