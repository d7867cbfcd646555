import ArgumentParser
import EventSourcing

extension Events {
    /// `annals events show`: one stream.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the events of one stream.")

        @OptionGroup var flags: SettingsFlags
        @OptionGroup var output: EventOutput

        @Argument(help: "The stream's name: <category>-<uuid>, such as post-0198….")
        var stream: StreamName

        @Option(help: "The first version.")
        var from = 1

        @Option(help: "The last version.")
        var to: Int?

        @Option(help: "Leave out events recorded after this time, such as 2026-11-21T01:02:03Z.")
        var until: Timestamp?

        @Flag(help: "Newest first.")
        var backwards = false

        @Option(help: "The most events to show.")
        var limit: Int?

        func validate() throws {
            guard from >= 1, to ?? .max >= from else { throw ValidationError("versions count from 1, and --to is not below --from") }
            guard limit ?? 1 >= 1 else { throw ValidationError("--limit is 1 or more") }
        }

        func run() async throws {
            let operation = try await Operation.begin(flags)
            let part = StreamRead(stream, versions: from...(to ?? .max), until: until, backwards ? .backwards : .forwards)
            try await operation.readLog(output.form) { log in
                let standardOutput = StandardOutput()
                var isThere = false
                for try await page in log.pages(of: part, limit: limit ?? .max, pageSize: Events.pageSize) {
                    isThere = true
                    try await standardOutput.write(page.map(output.lines.line))
                }
                if !isThere { try await log.require(stream) }
            }
        }
    }
}

extension EventStore {
    /// Throws when the log has no such stream.
    func require(_ stream: StreamName) async throws {
        if try await read(StreamRead(stream), limit: 1).isEmpty { throw Failure("there is no stream \(stream)") }
    }
}
