import ArgumentParser
import CommandService
import EventLog
import EventSourcing
import FoundationEssentials
import Publishing

extension Users {
    struct Promote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a user an admin. This is how the first one is made.")

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address.")
        var email: String

        func run() async throws { try await apply(.changeRole(.admin), to: email, flags, saying: "is an admin") }
    }

    struct Demote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an admin a user like others. The last admin stays one.")

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address.")
        var email: String

        func run() async throws { try await apply(.changeRole(.user), to: email, flags, saying: "is no admin") }
    }

    struct Deactivate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keep a user out: no sign-in, no commands, sessions end. Posts stay.")

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

/// Gives one command on an account in the operator's name, beside a running system or without one.
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
            throw Failure("\(email) is being closed, as their user has asked")
        }
    }
    printLine("\(email) \(outcome).")
}
