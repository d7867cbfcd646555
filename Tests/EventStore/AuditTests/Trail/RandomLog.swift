import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import TestSupport

@testable import Audit

/// A log of events that chance has made, and the same as values: what a filter must find in it is told from these.
struct RandomLog: Sendable {
    static let streams = (0..<6).map {
        StreamName(["post", "user", "views"][$0 % 3], UUID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0000 + UInt64($0)))
    }
    static let types = ["PostDrafted", "PostEdited", "UserRegistered", "PostViewed"]
    static let actors = (0..<3).map { UUID(high: 0x0198_0000_0000_7000, low: 0x9000_0000_0000_0000 + UInt64($0)) }
    static let correlations = ["one", "two \"quoted\"", "drei ü"]
    static let start: Int64 = 1_780_000_000_000

    let events: [RecordedEvent]

    init(_ count: Int, using random: inout SeededRandom) {
        var versions: [StreamName: Int] = [:]
        var time = Self.start
        var events: [RecordedEvent] = []
        for position in 1...count {
            // The first stream has half of all events; several share a moment.
            let stream = Bool.random(using: &random) ? Self.streams[0] : Self.streams[Int.random(in: 1..<Self.streams.count, using: &random)]
            versions[stream, default: 0] += 1
            time += Int64.random(in: 0...3, using: &random)
            events.append(
                RecordedEvent(
                    position: Int64(position), stream: stream, version: versions[stream] ?? 0, id: .v7(using: &random),
                    type: Self.types[Int.random(in: 0..<Self.types.count, using: &random)], schemaVersion: 1,
                    data: ["note": .string(String(repeating: "n", count: Int.random(in: 0...400, using: &random)))],
                    metadata: EventMetadata(
                        actor: Self.actors.randomElement(using: &random).flatMap { Bool.random(using: &random) ? $0 : nil },
                        command: .v7(using: &random),
                        correlation: Self.correlations.randomElement(using: &random)),
                    recordedAt: Timestamp(milliseconds: time)))
        }
        self.events = events
    }

    /// Puts the events into an empty log, as its owner may.
    func fill(_ log: LogUnderTest) async throws {
        let rows = events.map { event in
            func text(_ value: String) -> String { "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'" }
            return "(\(event.position), '\(event.stream)', \(event.version), '\(event.id.lowercased)', '\(event.type)', 1, "
                + "\(text(JSONValue.object(event.data).serialized)), \(text(JSONValue.object(event.metadata.json).serialized)), '\(event.recordedAt)')"
        }
        try await log.run("INSERT INTO log.events VALUES \(rows.joined(separator: ",\n"))")
    }

    /// A filter of some conditions, most of which something meets.
    func filter(using random: inout SeededRandom) -> TrailFilter {
        var filter = TrailFilter()
        let count = Int64(events.count)
        if Bool.random(using: &random) { filter.after = .random(in: 0...count + 2, using: &random) }
        if Bool.random(using: &random) { filter.until = .random(in: 0...count + 2, using: &random) }
        func moment() -> Timestamp { Timestamp(milliseconds: Self.start + .random(in: -3...count * 2, using: &random)) }
        if Int.random(in: 0..<3, using: &random) == 0 { filter.from = moment() }
        if Int.random(in: 0..<3, using: &random) == 0 { filter.to = moment() }
        if Int.random(in: 0..<3, using: &random) == 0 { filter.stream = Self.streams.randomElement(using: &random) }
        if Int.random(in: 0..<3, using: &random) == 0 {
            filter.types = Array(Self.types.shuffled(using: &random).prefix(.random(in: 0...2, using: &random)))
        }
        if Int.random(in: 0..<4, using: &random) == 0 { filter.actor = Self.actors.randomElement(using: &random) }
        if Int.random(in: 0..<4, using: &random) == 0 { filter.correlation = Self.correlations.randomElement(using: &random) }
        return filter
    }

    /// The events that a filter wants, by its words.
    func wanted(_ filter: TrailFilter) -> [RecordedEvent] {
        events.filter { event in
            event.position > filter.after && event.position <= filter.until
                && filter.from.map { event.recordedAt >= $0 } ?? true && filter.to.map { event.recordedAt <= $0 } ?? true
                && filter.stream.map { event.stream == $0 } ?? true && filter.types?.contains(event.type) ?? true
                && filter.actor.map { event.metadata.actor == $0 } ?? true
                && filter.correlation.map { event.metadata.correlation == $0 } ?? true
        }
    }
}
