import ArgumentParser
import Audit
import AuthService
import EventLog
import EventSourcing
import FoundationEssentials
import Glibc

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
                return (id, try await operation.withLog(.stored) { try await auth.record(of: id, in: $0) })
            }
            try await operation.readLog(.opened) { log in
                try await PersonExport(user: id, identity: identity, log: log).write(to: try ExportOutput(output))
            }
        }
    }
}

/// The output of an export: standard output, or a new file that only its owner can read.
struct ExportOutput: Sendable {
    private let standardOutput = StandardOutput()
    private let path: String?
    private let descriptor: Int32

    /// Makes the file; nil is standard output. An existing file is not overwritten.
    init(_ path: String?) throws {
        self.path = path
        guard let path else {
            descriptor = STDOUT_FILENO
            return
        }
        descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY, 0o600)
        guard descriptor >= 0 else { throw Failure("\(path) can't be made: \(String(cString: strerror(errno)))") }
    }

    /// Writes lines, on a thread that may block.
    func write(_ lines: [String]) async throws {
        guard let path else { return try await standardOutput.write(lines) }
        do {
            try await writeLines(lines, to: descriptor, name: path)
        } catch let error as ExportOutputError {
            throw Failure("\(error)")
        }
    }

    /// Ends the file. Throws unless everything is on the disk.
    func close() throws {
        guard let path else { return }
        guard fsync(descriptor) == 0, Glibc.close(descriptor) == 0 else {
            throw Failure("\(path) can't be written: \(String(cString: strerror(errno)))")
        }
    }
}
