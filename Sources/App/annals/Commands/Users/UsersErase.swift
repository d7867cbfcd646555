import ArgumentParser
import AuthService
import EventSourcing
import FoundationEssentials
import Glibc

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
            let outcome: String?
            do {
                outcome = try await operation.withAuthOperator { [user, wait] auth in
                    let closure = try await auth.erase(try await auth.user(named: user))
                    printError("The closure goes on without this command: GET /api/v1/users/closures/\(closure.lowercased) shows how far it is.")
                    return try await auth.following(closure, patience: .seconds(wait))
                }
            } catch is NotBegun {
                throw Failure(
                    "no running system has begun the closure within \(wait) s; it is recorded, and the next system that runs does it: "
                        + CommandName.of("up"))
            }
            guard let receipt = outcome else { throw Failure("\(user) is the last admin; promote somebody else first") }
            printLine(receipt)
        }

        private func confirm() throws {
            if yes { return }
            guard isatty(STDIN_FILENO) == 1 else { throw Failure("there is no terminal to ask at; --yes erases without asking", code: .wrongUse) }
            printError("This erases \(user) for good. To go on, type the name again:")
            guard readLine() == user else { throw Failure("nothing was erased") }
        }
    }
}

/// No system has done the first step of a closure in time.
private struct NotBegun: Error {}

extension AuthOperator {
    /// Prints each step as it is done. Returns the receipt; nil if the closure was refused. Throws `NotBegun` when no step is done for so long.
    fileprivate func following(_ closure: UUID, patience: Duration) async throws -> String? {
        let start = ContinuousClock.now
        var told = 0
        while true {
            switch try await erasure(closure) {
            case .done(let receipt): return receipt
            case .refused: return nil
            case .running(let done):
                for step in done.dropFirst(told) { printError(step) }
                told = done.count
                guard told > 0 || ContinuousClock.now - start < patience else {
                    throw NotBegun()
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}
