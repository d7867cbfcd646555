import ArgumentParser
import EventSourcing
import JSON
import Postgres
import Projections
import Publishing

/// `annals projections parked`: events that a read model could not apply.
struct Parked: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Look at events that could not be applied, and settle them.",
        discussion: "A failed event parks its stream. Later events of that stream, and of streams with the same id, wait in order. All others go on.",
        subcommands: [List.self, Show.self, Retry.self, Discard.self], defaultSubcommand: List.self)
}

/// The arguments of a command on what one read model could not apply.
struct ParkedArguments: ParsableArguments {
    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Print JSON.")
    var json = false

    @Argument(help: "The read model.")
    var name: String
}

extension Parked {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the parked streams, one a line.")

        @OptionGroup var flags: SettingsFlags

        @Flag(help: "Print JSON.")
        var json = false

        @Argument(help: "A read model. (all of them)")
        var name: String?

        func run() async throws {
            let parked = try await ParkedEvents.list(flags, name)
            let streams = Dictionary(grouping: parked.filter { $0.state != .discarded }) { [$0.model, $0.stream.id.lowercased] }
                .values.sorted { ($0[0].model, $0[0].position) < ($1[0].model, $1[0].position) }
            if json { return printLine(JSONValue.array(streams.map { .object($0[0].json.with("waiting", Int64($0.count - 1))) }).serialized) }
            guard !streams.isEmpty else { return printLine("Nothing is parked.") }
            var table = TextTable("MODEL", "STREAM", "SINCE", "FAILED AT", "EVENT", "SQLSTATE", "CAUSE", "WAITING")
            for events in streams {
                let first = events[0]
                table.add(
                    first.model, "\(first.stream)", "\(first.since)", "\(first.position)", first.type, first.sqlState ?? "-", first.cause ?? "-",
                    "\(events.count - 1)")
            }
            table.lines.forEach(printLine)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the parked events of a stream and of those that wait with it: the failure's SQLSTATE and cause, never the row.")

        @OptionGroup var parked: ParkedArguments

        @Argument(help: "The stream, such as post-0198….")
        var stream: String

        func run() async throws {
            let id = StreamName(stream)?.id
            let events = try await ParkedEvents.list(parked.flags, parked.name).filter { $0.stream.id == id }
            guard !events.isEmpty else { throw Failure("nothing is parked at \(stream)") }
            if parked.json { return printLine(JSONValue.array(events.map { .object($0.json) }).serialized) }
            var table = TextTable("POSITION", "STREAM", "EVENT", "STATE", "SQLSTATE", "CAUSE", "SINCE")
            for event in events {
                table.add(
                    "\(event.position)", "\(event.stream)", event.type, event.state.rawValue, event.sqlState ?? "-", event.cause ?? "-",
                    "\(event.since)")
            }
            table.lines.forEach(printLine)
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Apply what waits, once the cause of the failure is fixed.")

        @OptionGroup var parked: ParkedArguments

        @Argument(help: "One stream. (all of them)")
        var stream: String?

        func run() async throws {
            let wanted = try stream.map { name in
                guard let stream = StreamName(name) else { throw Failure("\(name) is not the name of a stream", code: .wrongUse) }
                return stream
            }
            let outcomes = try await ParkedEvents.withOperator(parked.flags) { try await $0.retry(parked.name, stream: wanted) }
            if parked.json {
                printLine(JSONValue.array(outcomes.map { .object($0.json) }).serialized)
            } else if outcomes.isEmpty {
                printLine("Nothing is parked.")
            } else {
                for outcome in outcomes { printLine(outcome.line) }
            }
            if outcomes.contains(where: { $0.failure != nil }) { throw Failure("not everything could be applied") }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave one event out of the tables for good, and apply what waits behind it.", discussion: "A rebuild tries it again.")

        @OptionGroup var parked: ParkedArguments

        @Argument(help: "The event's position.")
        var position: Int64

        func run() async throws {
            let outcome = try await ParkedEvents.withOperator(parked.flags) { try await $0.discard(parked.name, position: position) }
            if parked.json {
                printLine(JSONValue.object(outcome.json.with("discarded", position)).serialized)
            } else {
                printLine("Position \(position) is discarded.")
                printLine(outcome.line)
            }
            if outcome.failure != nil { throw Failure("not everything could be applied") }
        }
    }
}

extension ParkedStreamRetry.Outcome {
    fileprivate var line: String { "\(stream): \(applied) applied" + (failure.map { "; failed again at \($0)" } ?? "") }

    fileprivate var json: JSONObject {
        ["stream": .string("\(stream)"), "applied": .integer(Int64(applied)), "failure": failure.map(JSONValue.string) ?? .null]
    }
}

extension ParkedEvent {
    fileprivate var json: JSONObject {
        [
            "model": .string(model), "stream": .string("\(stream)"), "position": .integer(position), "type": .string(type),
            "state": .string(state.rawValue), "sqlState": sqlState.map(JSONValue.string) ?? .null,
            "cause": cause.map(JSONValue.string) ?? .null,
            "since": .string("\(since)"),
        ]
    }
}

extension JSONObject {
    fileprivate func with(_ name: String, _ value: Int64) -> JSONObject {
        var object = self
        object[name] = .integer(value)
        return object
    }
}

extension ParkedEvents {
    fileprivate static func list(_ flags: SettingsFlags, _ model: String?) async throws -> [ParkedEvent] {
        let operation = try await Operation.begin(flags)
        return try await operation.refusing {
            try await operation.withPool("read", operation.readModels) { pool in
                if let model, !(try await ReadModelStatus.readAll(from: pool).contains { $0.model == model }) {
                    throw ParkedEventsError.unknownModel(model)
                }
                return try await list(model, in: pool)
            }
        }
    }

    fileprivate static func withOperator<Value: Sendable>(
        _ flags: SettingsFlags, _ body: @Sendable @escaping (ParkedEvents) async throws -> Value
    ) async throws -> Value {
        let operation = try await Operation.begin(flags)
        return try await operation.refusing {
            try await operation.withPool("read", operation.readModels) { _ in }
            return try await operation.withLog { log in
                try await body(ParkedEvents(operation.readModels, store: log, catalog: .annals, logger: operation.logger))
            }
        }
    }
}
