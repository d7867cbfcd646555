import ArgumentParser
import Audit
import EventLog
import EventSourcing
import FoundationEssentials
import JSON
import Publishing

/// `annals events`: shows the log.
struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show events of the log.", subcommands: [Show.self, Tail.self, Trace.self])

    /// The number of events in memory at once. One of them may be nearly a megabyte.
    static let pageSize = 100
}

/// How events are shown.
struct EventOutput: ParsableArguments {
    @Flag(help: "Show events as they are stored, with personal fields sealed. Needs no keys.")
    var sealed = false

    @Flag(help: "Print one JSON object a line.")
    var json = false

    var form: EventForm { sealed ? .stored : .opened }

    var lines: EventLines { EventLines(isJSON: json, catalog: .annals) }
}

/// Which kinds of events a command is about.
struct EventTypeSelection: ParsableArguments {
    @Option(help: "Only events of streams of this category: post, user, views.")
    var category: String?

    @Option(name: .customLong("type"), help: "Only events of this type. Can be given more than once.")
    var types: [String] = []

    func validate() throws {
        let schemas = EventCatalog.annals.schemas
        for type in types where schemas[type] == nil {
            throw ValidationError(
                Suggestion.closest(to: type, among: schemas.keys.sorted()).map { "there is no event type \(type); did you mean \($0)?" }
                    ?? "there is no event type \(type); there are \(schemas.keys.sorted().joined(separator: ", "))")
        }
        let categories = Set(schemas.values.map(\.category))
        if let category, !categories.contains(category) {
            throw ValidationError("there is no category \(category); there are \(categories.sorted().joined(separator: ", "))")
        }
    }

    var filter: EventFilter { EventFilter(category: category, types: types.isEmpty ? nil : Set(types)) }
}

extension StreamName: ExpressibleByArgument {
    /// Reads `<category>-<uuid>`.
    public init?(argument: String) { self.init(argument) }
}

extension Timestamp: ExpressibleByArgument {
    /// Reads RFC 3339, such as `2026-11-21T01:02:03Z`.
    public init?(argument: String) { self.init(argument) }
}

/// One event, one line. Nothing in it can control the terminal, whatever people have written in their posts.
struct EventLines: Sendable {
    let isJSON: Bool
    /// Tells which fields are personal: those are forgotten when they are null.
    let catalog: EventCatalog

    func line(_ event: RecordedEvent) -> String { (isJSON ? json(event) : columns(event)).escapingControls }

    private func columns(_ event: RecordedEvent) -> String {
        let forgotten = catalog.forgottenFields(of: event)
        return "\(event.position)".padded(8, .leading) + "  \(event.recordedAt)  " + "\(event.stream)".padded(42)
            + "\(event.version)".padded(5, .leading)
            + "  " + event.type.padded(18) + " " + JSONValue.object(event.data).serialized
            + (forgotten.isEmpty ? "" : "  forgotten: " + forgotten.joined(separator: ", "))
            + (event.unopened.map { "  unopened: " + $0.reason.rawValue } ?? "")
    }

    private func json(_ event: RecordedEvent) -> String {
        var writer = JSONWriter()
        writer.recordedEvent(event, catalog: catalog)
        return writer.text
    }
}

private enum Side {
    case leading
    case trailing
}

extension String {
    /// At least so many characters, with blanks on one side.
    fileprivate func padded(_ width: Int, _ side: Side = .trailing) -> String {
        let blanks = String(repeating: " ", count: max(0, width - utf8.count))
        return switch side {
        case .leading: blanks + self
        case .trailing: self + blanks
        }
    }
}
