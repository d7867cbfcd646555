import ArgumentParser
import EventLog
import EventSourcing
import Publishing

/// `annals events`: the log as it is.
struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Look into the log.", subcommands: [Show.self, Tail.self])

    /// Events in memory at once; one of them may be nearly a megabyte.
    static let pageSize = 100
}

/// How events are shown.
struct EventOutput: ParsableArguments {
    @Flag(help: "Show events exactly as they are stored, personal fields sealed. Needs no keys.")
    var sealed = false

    @Flag(help: "One JSON object a line.")
    var json = false

    var form: EventForm { sealed ? .stored : .opened }

    var lines: EventLines { EventLines(isJSON: json, catalog: .publishing) }
}

extension StreamName: ExpressibleByArgument {
    /// Reads `<category>-<uuid>`.
    public init?(argument: String) { self.init(argument) }
}

extension Timestamp: ExpressibleByArgument {
    /// Reads RFC 3339, such as `2026-11-21T01:02:03Z`.
    public init?(argument: String) { self.init(argument) }
}
