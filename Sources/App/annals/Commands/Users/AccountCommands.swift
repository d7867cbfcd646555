import ArgumentParser
import CommandService
import EventLog
import EventSourcing
import FoundationEssentials
import Publishing

extension Users {
    struct Promote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a user an admin. The first admin is made this way.")

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address.")
        var email: String

        func run() async throws { try await apply(.changeRole(.admin), to: email, flags, saying: "is an admin") }
    }

    struct Demote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take the admin role from a user. Refused for the last admin.")

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address.")
        var email: String

        func run() async throws { try await apply(.changeRole(.user), to: email, flags, saying: "is not an admin any more") }
    }

    struct Deactivate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lock a user out: no sign-in, no commands, sessions end. Posts stay.")

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address.")
        var email: String

        func run() async throws { try await apply(.deactivate, to: email, flags, saying: "is deactivated") }
    }

    struct Reactivate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a deactivated user in again.")

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address.")
        var email: String

        func run() async throws { try await apply(.reactivate, to: email, flags, saying: "is active") }
    }
}

/// Handles one command on an account for the operator. It works beside a running system and without one.
private func apply(_ command: UserCommand, to email: String, _ flags: SettingsFlags, saying outcome: String) async throws {
    let operation = try await Operation.begin(flags)
    try await operation.withCommandLog { log in
        guard let address = try? Email(email), let stream = try await log.holder(of: .email, value: address.comparable) else {
            throw Failure("no such user")
        }
        do {
            _ = try await Administration(store: log).handle(command, on: stream.id, by: .server, in: .ofTheSystem())
        } catch AdminRefusal.lastAdmin {
            throw Failure("\(email) is the last admin; promote somebody else first")
        } catch is AccountClosing {
            throw Failure("\(email) is being closed at the user's request")
        }
    }
    printLine("\(email) \(outcome).")
}
