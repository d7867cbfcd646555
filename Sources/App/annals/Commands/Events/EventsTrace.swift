import ArgumentParser
import Audit
import EventLog
import EventSourcing
import FoundationEssentials
import HTTPContract
import JSON

extension Events {
    /// `annals events trace`: what one call has caused.
    struct Trace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what caused what in one call: its commands, their events, and the commands that these have led to.",
            discussion: "It reads the log itself, so it needs no collector of traces, and shows nothing personal.")

        @OptionGroup var flags: SettingsFlags

        @Flag(help: "Print JSON.")
        var json = false

        @Argument(
            help: "The call's X-Request-ID, or the id of one of its commands. An id that is neither a UUID nor 32 hexadecimal digits needs the keys.")
        var id: String

        func run() async throws {
            let isOpaque = RequestIdentity.isOpaque(id)
            let operation = try await Operation.begin(flags, needsKeys: !isOpaque)
            let correlation = isOpaque ? id : try await operation.systemHasher().kept(requestID: id)
            try await operation.readTrail(.stored) { trail, _ in
                let events = try await trail.call(correlation: correlation, orCommand: UUID(uuidString: id))
                guard !events.isEmpty else { throw Failure("the log knows no call and no command \(id)") }
                let tree = CauseTree(events)
                if json { return printLine(tree.json.serialized) }
                var lines = ["call \(events.first?.metadata.correlation ?? "without an id")"]
                for (place, root) in tree.roots.enumerated() { root.draw(into: &lines, indent: "", isLast: place == tree.roots.count - 1) }
                lines.forEach { printLine($0.escapingControls) }
            }
        }
    }
}

extension CauseTree.Command {
    fileprivate func draw(into lines: inout [String], indent: String, isLast: Bool) {
        var line = "\(indent)\(isLast ? "└─" : "├─") command \(id.lowercased) by \(actor?.lowercased ?? "the system")"
        if let cause { line += ", led to by event \(cause.lowercased)" }
        lines.append(line)
        let indent = indent + (isLast ? "   " : "│  ")
        for (place, event) in events.enumerated() { event.draw(into: &lines, indent: indent, isLast: place == events.count - 1) }
    }

    fileprivate var json: JSONValue {
        var object: JSONObject = ["command": .string(id.lowercased)]
        if let actor { object["actor"] = .string(actor.lowercased) }
        if let traceparent { object["traceparent"] = .string(traceparent) }
        if let cause { object["causation"] = .string(cause.lowercased) }
        object["events"] = .array(events.map(\.json))
        return .object(object)
    }
}

extension CauseTree.Event {
    fileprivate func draw(into lines: inout [String], indent: String, isLast: Bool) {
        lines.append("\(indent)\(isLast ? "└─" : "├─") \(position) \(type) \(stream) \(version) at \(recordedAt)")
        let indent = indent + (isLast ? "   " : "│  ")
        for (place, command) in commands.enumerated() { command.draw(into: &lines, indent: indent, isLast: place == commands.count - 1) }
    }

    fileprivate var json: JSONValue {
        .object([
            "position": .integer(position), "id": .string(id.lowercased), "type": .string(type), "stream": .string("\(stream)"),
            "version": .integer(Int64(version)), "recordedAt": .string("\(recordedAt)"), "commands": .array(commands.map(\.json)),
        ])
    }
}

extension CauseTree {
    fileprivate var json: JSONValue { .object(["commands": .array(roots.map(\.json))]) }
}
