import EventLog
import EventSourcing
import TestSupport

/// A log that a test suffers faults to happen to, as it is read.
protocol ReadableLog: Sendable {
    /// Appends nothing, so it learns of others' appends as another service does.
    var reader: PostgresEventStore { get }
}

extension ReadableLog {
    /// All events after a position.
    func events(after position: Int64) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        while case let last = events.last?.position ?? position,
            case let page = try await patiently({ try await reader.read(after: last, limit: 500) }),
            !page.isEmpty
        {
            events += page
        }
        return events
    }

    /// Asks again while the server is being started.
    func patiently<Value>(_ read: () async throws -> Value) async throws -> Value {
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end {
            try Task.checkCancellation()
            do { return try await read() } catch EventStoreError.unavailable {}
        }
        return try await read()
    }
}

extension [RecordedEvent] {
    /// The first few places where another log has something else, or only one of them has anything.
    func differences(from other: [RecordedEvent]) -> [String] {
        (0..<Swift.max(count, other.count)).lazy
            .filter { !indices.contains($0) || !other.indices.contains($0) || self[$0] != other[$0] }
            .prefix(5).map { "place \($0) of \(count) and \(other.count)" }
    }
}

extension Round {
    /// The run in figures.
    var summary: String {
        let appended = calls.count { if case .appended = $0.outcome { true } else { false } }
        let repeated = calls.count { if case .alreadyAppended = $0.outcome { true } else { false } }
        let again = calls.count { $0.tries > 1 }
        return "\(events.count) events, \(appended) appended, \(repeated) repeats, \(calls.count - appended - repeated) refused, \(again) sent again"
    }
}

extension ReadableLog {
    /// Commands of which the log remembers something else than it answered. Those that appended nothing are nowhere else to be seen.
    func wrongReceipts(of round: Round) async throws -> [String] {
        var wrong: [String] = []
        for (command, calls) in Dictionary(grouping: round.calls, by: \.request.command.id) {
            let stream = calls[0].request.appends[0].stream
            let receipt = try await patiently { try await reader.load(stream, after: 0, limit: 0, command: command).receipt }
            let answered = calls.compactMap(\.outcome.receipt).first
            if receipt != answered, answered != nil || !calls.contains(where: \.isOrphaned) {
                wrong.append("\(command): \(String(describing: receipt))")
            }
        }
        return wrong
    }

    /// Values that another stream holds than the log's events, told to the model, say.
    func unexplainedHolders(of round: Round, seed: UInt64) async throws -> [String] {
        var model = LogModel(head: round.start)
        let requests = round.requests
        for run in round.runs { if let request = requests[run.command] { _ = model.append(request) } }
        var unexplained: [String] = []
        for kind in Ground.kinds {
            for value in Ground(seed: seed).values {
                let holder = try await patiently { try await reader.holder(of: kind, value: value) }
                if holder != model.holder(of: kind, value: value) {
                    unexplained.append("\(kind.rawValue) \(value): \(holder?.description ?? "free")")
                }
            }
        }
        return unexplained
    }
}
