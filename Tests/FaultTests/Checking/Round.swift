import AppendLines
import EventSourcing
import FoundationEssentials

/// One round: its requests and answers, and the log after it.
struct Round: Sendable {
    /// The log's head before it.
    let start: Int64
    let calls: [Call]
    /// All events after `start`, in order.
    let events: [RecordedEvent]
    /// Whether no connection was lost.
    let isCalm: Bool
    /// The log as requests. Events of one that do not stand together make several, which is then found to be wrong.
    let runs: [Run]
    /// The requests that were sent, by id and digest.
    let requests: [CommandReceipt.Key: AppendRequest]
    private let callsOfCommands: [UUID: [Call]]

    init(start: Int64, calls: [Call], events: [RecordedEvent], isCalm: Bool = true) {
        self.start = start
        self.calls = calls
        self.events = events
        self.isCalm = isCalm
        runs = Run.all(in: events)
        requests = Dictionary(calls.map { ($0.request.command, $0.request) }, uniquingKeysWith: { first, _ in first })
        callsOfCommands = Dictionary(grouping: calls, by: \.request.command.id)
    }

    func calls(of command: UUID) -> [Call] { callsOfCommands[command] ?? [] }

    /// The promises that the log has broken; empty when all is well.
    var faults: [String] { order + contents + answers + Replay(self).faults }

    /// Positions, times, versions and ids.
    private var order: [String] {
        var faults: [String] = []
        var last = (position: start, time: events.first?.recordedAt)
        var versions: [StreamName: Int] = [:]
        for event in events {
            if event.position != last.position + 1 { faults.append("position \(event.position) follows \(last.position)") }
            if let time = last.time, event.recordedAt < time { faults.append("position \(event.position) is older than the one before it") }
            if event.version != versions[event.stream, default: 0] + 1 {
                faults.append("\(event.stream): version \(event.version) follows \(versions[event.stream, default: 0])")
            }
            last = (event.position, event.recordedAt)
            versions[event.stream] = event.version
        }
        if Set(events.map(\.id)).count != events.count { faults.append("two events have one id") }
        return faults
    }

    /// Each command is there once and whole, or not at all; and only what was asked and not refused.
    private var contents: [String] {
        var faults: [String] = []
        var seen: Set<UUID> = []
        for run in runs {
            let name = "command \(run.command.id.lowercased) at \(run.first)"
            if !seen.insert(run.command.id).inserted { faults.append("\(name) is doubled") }
            guard let request = requests[run.command] else {
                faults.append("\(name) was never sent")
                continue
            }
            if !run.isWhole(request) { faults.append("\(name) is not what was sent") }
            let calls = calls(of: run.command.id)
            if !calls.contains(where: { $0.outcome.receipt != nil || $0.isOrphaned }) { faults.append("\(name) was refused and is there") }
        }
        return faults
    }

    /// Each success is where its receipt says, and a command has one receipt.
    private var answers: [String] {
        var faults: [String] = []
        let runs = Dictionary(runs.map { ($0.command, $0) }, uniquingKeysWith: { first, _ in first })
        for (id, calls) in callsOfCommands {
            let receipts = Set(calls.compactMap(\.outcome.receipt))
            guard let receipt = receipts.first else { continue }
            let name = "command \(id.lowercased)"
            if receipts.count > 1 { faults.append("\(name) has \(receipts.count) receipts") }
            if let first = receipt.firstPosition {
                if let run = runs[receipt.key] {
                    if run.first != first || run.last != receipt.lastPosition || run.events[0].recordedAt != receipt.recordedAt {
                        faults.append("\(name) is at \(run.first), its receipt says \(first)")
                    }
                } else {
                    faults.append("\(name) is lost: its receipt says \(first)")
                }
            }
            let fresh = calls.filter { if case .appended = $0.outcome { true } else { false } }
            let sendings = calls.reduce(0) { $0 + $1.tries }
            if fresh.isEmpty, sendings == 1 { faults.append("\(name) was sent once and is called a repeat") }
            // A store takes what its own lost sending appended for its own; nothing else may call itself the first.
            if fresh.count > 1, isCalm { faults.append("\(name) was appended \(fresh.count) times") }
        }
        return faults
    }
}

/// Events of one request, one behind the other.
struct Run: Sendable {
    let command: CommandReceipt.Key
    var events: [RecordedEvent]

    var first: Int64 { events[0].position }
    var last: Int64 { events[events.count - 1].position }

    /// Whether these are the request's events, all of them and in its order.
    func isWhole(_ request: AppendRequest) -> Bool {
        let asked = request.appends.flatMap { append in append.events.map { Pair(stream: append.stream, event: $0) } }
        return events.map { Pair(stream: $0.stream, event: NewEvent(type: $0.type, schemaVersion: $0.schemaVersion, data: $0.data)) } == asked
            && events.allSatisfy { $0.metadata == request.metadata && $0.recordedAt == events[0].recordedAt }
    }

    private struct Pair: Equatable {
        let stream: StreamName
        let event: NewEvent
    }
}

extension Run {
    fileprivate static func all(in events: [RecordedEvent]) -> [Run] {
        var runs: [Run] = []
        for event in events {
            let parts = event.data.note?.split(separator: "/") ?? []
            let digest = parts.count == 3 ? UInt8(parts[1]).map { [$0] } ?? [] : []
            let command = CommandReceipt.Key(id: event.metadata.command, digest: digest)
            if runs.last?.command == command {
                runs[runs.count - 1].events.append(event)
            } else {
                runs.append(Run(command: command, events: [event]))
            }
        }
        return runs
    }
}
