import ArgumentParser
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix

/// The one executable: all services and the operator's tool, one subcommand a job.
@main
struct Annals: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "annals",
        abstract: "An event-sourced publishing backend.",
        discussion: "Exit codes: 0 success, 1 failure, 2 wrong use, 3 a check found a difference.",
        version: "0.1.0",
        subcommands: [
            Up.self, Serve.self, Migrate.self, ProjectionsCommand.self, ProcessesCommand.self, Import.self, Users.self, Keys.self, Events.self,
            AuditCommand.self, Config.self, Health.self, Doctor.self, Backup.self, Restore.self,
        ])

    static func main() async {
        // Swift's tasks run on the event loops, which saves each request a hop between threads. Nothing that blocks may run in a task.
        NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        // A reader may close the output once it has read enough, or a file reach its limit. That must not end a rebuild halfway.
        for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch let failure as Failure {
            printError("annals: \(failure.message)")
            endProcess(failure.code)
        } catch {
            let code = exitCode(for: error)
            // ArgumentParser's own code for wrong use is 64; ours is 2.
            if code == .validationFailure {
                if let name = meantSubcommand(CommandLine.arguments.dropFirst()) { printError("annals: did you mean \(name)?") }
                printError(fullMessage(for: error))
                endProcess(.wrongUse)
            }
            // Help and versions come this way too, as a clean exit.
            if code == .success || error is ValidationError { exit(withError: error) }
            printError(error is CancellationError ? "annals: interrupted" : "annals: \(error)")
            endProcess(.failed)
        }
    }

    /// The subcommand that the arguments most likely mean, if they name one that does not exist: `projections status` for `projections statsu`.
    static func meantSubcommand(_ arguments: some Sequence<String>) -> String? {
        var command: any ParsableCommand.Type = Annals.self
        var path: [String] = []
        for argument in arguments where !argument.hasPrefix("-") {
            let subcommands = command.configuration.subcommands
            if subcommands.isEmpty { return nil }
            guard let next = subcommands.first(where: { $0._commandName == argument }) else {
                return Suggestion.closest(to: argument, among: subcommands.map { $0._commandName }).map { (path + [$0]).joined(separator: " ") }
            }
            path.append(argument)
            command = next
        }
        return nil
    }
}

/// The end of a command that did not succeed: one line for its user, and an exit code.
struct Failure: Error {
    enum Code: Int32 {
        case failed = 1
        case wrongUse = 2
        case difference = 3
    }

    let message: String
    var code = Code.failed

    init(_ message: String, code: Code = .failed) {
        self.message = message
        self.code = code
    }
}
