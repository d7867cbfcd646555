import ArgumentParser
import CommandService
import EventLog
import EventSourcing
import FoundationEssentials
import Publishing

extension Users {
    struct Promote: AccountCommand {
        static let configuration = CommandConfiguration(abstract: "Make a user an admin. The first admin is made this way.")
        static let command = UserCommand.changeRole(.admin)
        static let outcome = "is an admin"

        @OptionGroup var account: AccountArguments
    }

    struct Demote: AccountCommand {
        static let configuration = CommandConfiguration(abstract: "Take the admin role from a user. Refused for the last admin.")
        static let command = UserCommand.changeRole(.user)
        static let outcome = "is not an admin any more"

        @OptionGroup var account: AccountArguments
    }

    struct Deactivate: AccountCommand {
        static let configuration = CommandConfiguration(abstract: "Lock a user out: no sign-in, no commands, sessions end. Posts stay.")
        static let command = UserCommand.deactivate
        static let outcome = "is deactivated"

        @OptionGroup var account: AccountArguments
    }

    struct Reactivate: AccountCommand {
        static let configuration = CommandConfiguration(abstract: "Let a deactivated user in again.")
        static let command = UserCommand.reactivate
        static let outcome = "is active"

        @OptionGroup var account: AccountArguments
    }
}

struct AccountArguments: ParsableArguments {
    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The user's email address.")
    var email: String
}

/// One command on an account for the operator. It works beside a running system and without one.
protocol AccountCommand: AsyncParsableCommand {
    static var command: UserCommand { get }
    /// The user's new state, as the end of a sentence.
    static var outcome: String { get }
    var account: AccountArguments { get }
}

extension AccountCommand {
    func run() async throws {
        let email = account.email
        let operation = try await Operation.begin(account.flags)
        try await operation.withCommandLog { log in
            guard let address = try? Email(email), let stream = try await log.holder(of: .email, value: address.comparable) else {
                throw Failure("no such user")
            }
            do {
                _ = try await Administration(store: log).handle(Self.command, on: stream.id, by: .server, in: .ofTheSystem())
            } catch AdminRefusal.lastAdmin {
                throw Failure("\(email) is the last admin; promote somebody else first")
            } catch is AccountClosing {
                throw Failure("\(email) is being closed at the user's request")
            }
        }
        printLine("\(email) \(Self.outcome).")
    }
}
