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

        @Argument(help: "The user's id.")
        var id: String

        @Option(help: "The file to write, readable by its owner only. (standard output)")
        var output: String?

        func validate() throws {
            guard UUID(lowercase: id) != nil else { throw ValidationError("\(id) is not a UUID in lower case") }
        }

        func run() async throws {
            guard let user = UUID(lowercase: id) else { return }
            let operation = try await Operation.begin(flags)
            let identity = try await operation.withAuthOperator { try await $0.record(of: user) }
            try await operation.readLog(.opened) { log in
                try await PersonExport(user: user, identity: identity, log: log).write(to: try ExportOutput(output))
            }
        }
    }
}
