import ArgumentParser
import AuthService
import EventSourcing
import FoundationEssentials
import Postgres
import Vault

/// `annals users`: an operator's work on accounts.
struct Users: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, export, promote, deactivate and otherwise manage users.",
        subcommands: [
            List.self, Export.self, Promote.self, Demote.self, Deactivate.self, Reactivate.self, SetPassword.self, Erase.self,
        ])
}

extension Users {
    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a user a new password and end their sessions.", discussion: "The password is read from standard input, one line.")

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address.")
        var email: String

        func run() async throws {
            guard let password = readPassword() else { throw Failure("no password on standard input", code: .wrongUse) }
            let operation = try await Operation.begin(flags)
            try await operation.withAuthOperator { auth in
                try await auth.setPassword(user: try await auth.user(email: email), to: password)
            }
            printLine("The password of \(email) is set.")
        }
    }
}

extension AuthOperator {
    /// The user with this email or id. A closed account has no email any more and is found by its id only.
    func user(named name: String) async throws -> UUID {
        if let id = UUID(lowercase: name) { id } else { try await user(email: name) }
    }
}

extension Operation {
    /// The operator's access to accounts, with the keys of this installation.
    func withAuthOperator<Value: Sendable>(_ body: @Sendable @escaping (AuthOperator) async throws -> Value) async throws -> Value {
        let masterKey = try keys.masterKey()
        let hasher = try await withPool("vault", databases.vault.acting(as: "annals_auth")) {
            try await SystemHasher.open($0, masterKey: masterKey)
        }
        do {
            return try await withPool("identity", databases.identity.acting(as: "annals_auth")) { identity in
                try await body(
                    AuthOperator(identity: identity, hasher: hasher, keys: SigningKeys(identity: identity, wrapping: KeyWrapping(masterKey))))
            }
        } catch let failure as AuthOperator.Failure {
            switch failure {
            case .unknownUser: throw Failure("no such user")
            case .unacceptablePassword: throw Failure("a password has 12 to 128 characters")
            case .unacceptableLifetime: throw Failure("an operator's token lives 24 hours at most")
            }
        }
    }
}
