import ArgumentParser
import AuthService
import CommandService
import EventSourcing
import FoundationEssentials
import Glibc
import Publishing

extension Users {
    /// `annals users erase`: the closure of an account by the operator.
    struct Erase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Close an account and erase its user, for good.",
            discussion: """
                For users who can't ask for it themselves. The running system does the work, as it does for DELETE /users/me. The signed receipt is \
                printed at the end.
                """)

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address or id.")
        var user: String

        @Flag(help: "Don't ask for the name again.")
        var yes = false

        @Option(help: ArgumentHelp("How long to wait for a running system to begin.", valueName: "seconds"))
        var wait = 30

        func run() async throws {
            try confirm()
            let operation = try await Operation.begin(flags)
            do {
                try await operation.withAuthOperator { [user, wait] auth in
                    let id = try await auth.user(named: user)
                    try await operation.withCommandLog { log in
                        let closure = try await Administration(store: log).requestClosure(.v7(), of: id, by: .server, in: .ofTheSystem()).id
                        printError("The closure goes on without this command: GET /api/v1/users/closures/\(closure.lowercased) shows how far it is.")
                        printLine(try await auth.following(id, in: log, patience: .seconds(wait)))
                    }
                }
            } catch is NotBegun {
                throw Failure(
                    "no running system has begun the closure within \(wait) s; it is recorded, and the next system that runs does it: "
                        + CommandName.of("up"))
            } catch AdminRefusal.lastAdmin {
                throw Failure("\(user) is the last admin; promote somebody else first")
            } catch UserRefusal.notFound {
                throw Failure("no such user")
            }
        }

        private func confirm() throws {
            if yes { return }
            guard isatty(STDIN_FILENO) == 1 else { throw Failure("there is no terminal to ask at; --yes erases without asking", code: .wrongUse) }
            printError("This erases \(user) for good. To go on, type the name again:")
            guard readLine() == user else { throw Failure("nothing was erased") }
        }
    }
}

/// No process has taken the closure up in time.
private struct NotBegun: Error {}

extension AuthOperator {
    /// Prints each step as it is done. Returns the receipt. Throws `NotBegun` when for so long nothing but the request is done.
    fileprivate func following(_ user: UUID, in log: any EventStore, patience: Duration) async throws -> String {
        let start = ContinuousClock.now
        var told = 0
        while true {
            switch try await erasure(of: user, in: log) {
            case .done(let receipt): return receipt
            case .running(let done):
                for step in done.dropFirst(told) { printError(step) }
                told = done.count
                guard told > 1 || ContinuousClock.now - start < patience else { throw NotBegun() }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}
