import ArgumentParser
import AuthService
import EventLog
import EventSourcing
import FoundationEssentials

extension Users {
    /// `annals users export`: everything that is held about a person.
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write everything that is held about a person, as JSON.",
            discussion: """
                Profile, posts, sessions, closures, and the events by and about the person, opened. What the person did to other people's posts is \
                listed without those people's personal data.
                """)

        @OptionGroup var flags: SettingsFlags

        @Argument(help: "The user's email address or id.")
        var user: String

        @Option(help: "The file to write, readable by its owner only. (standard output)")
        var output: String?

        func run() async throws {
            let operation = try await Operation.begin(flags)
            let (id, identity) = try await operation.withAuthOperator { [user] auth in
                let id = try await auth.user(named: user)
                return (id, try await auth.record(of: id))
            }
            try await operation.readLog(.opened) { log in
                try await PersonExport(user: id, identity: identity, log: log).write(to: try ExportOutput(output))
            }
        }
    }
}
