import EventSourcing
import FoundationEssentials
import JSON
import Processes
import Testing

@testable import RelayService

/// A schedule as the process has it, moved on by hand.
private struct Schedule {
    private static let rules = ProcessRules(ScheduledPublication(commands: nil))
    private(set) var events: [RecordedEvent] = []
    private let process = StreamName(ProcessEvent.category, .v7())

    var state: ProcessState { get throws { try ProcessState(events) } }

    /// The step whose command is to be carried out.
    var step: String { get throws { try #require(try state.openStep?.name) } }

    mutating func take(_ request: ProcessRequest) throws {
        for event in try Self.rules.decide(request, in: try state, retryAt: .now) {
            let encoded = event.encoded
            let key = CommandReceipt.Key.unrepeated()
            events.append(
                RecordedEvent(
                    position: Int64(events.count + 1), stream: process, version: events.count + 1, id: .v7(), type: encoded.type,
                    schemaVersion: encoded.schemaVersion, data: encoded.data, metadata: EventMetadata(command: key.id), recordedAt: .now))
        }
    }

    mutating func schedule(_ at: String) throws { try take(.message(.start(input: ["at": .string(at), "author": .string("a")]))) }
    mutating func pass(_ at: String) throws { try take(.deadlinePassed(step: at)) }
    mutating func refuse(_ reason: String) throws { try take(.carriedOut(step: try step, .refused(reason))) }
    mutating func finish() throws { try take(.carriedOut(step: try step, .done([:]))) }
    mutating func undo() throws { try take(.undone(step: try step)) }
    mutating func unschedule() throws { try take(.message(.reply(name: "unscheduled", [:]))) }
}

@Suite struct `The process that publishes a scheduled post` {
    private let first = "2030-01-01T00:00:00.000Z"
    private let second = "2031-01-01T00:00:00.000Z"
    private let moved = "it is not scheduled for then"
    private let inactive = "its author is not active"

    @Test func `publishes at its time and ends`() throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.pass(first)
        #expect(try schedule.state.openStep?.command == ["at": .string(first), "author": .string("a")])
        try schedule.finish()
        #expect(try schedule.state.status == .ended(.completed, reason: nil))
    }

    @Test func `takes the schedule back when the author may not publish`() throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.pass(first)
        try schedule.refuse(inactive)
        // The post's event comes back to it.
        try schedule.unschedule()
        #expect(try schedule.state.isOpen)
        try schedule.finish()
        #expect(try schedule.state.status == .ended(.refused, reason: inactive))
    }

    @Test func `is over when the post is scheduled no more`() throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.pass(first)
        try schedule.refuse(moved)
        #expect(try schedule.state.status == .ended(.cancelled, reason: nil))
    }

    /// The relay hears of the new time when the old one has passed, as after it was away.
    @Test(arguments: ["moved", "inactive", "done"]) func `keeps a time that is chosen while the one before is worked on`(outcome: String) throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.pass(first)
        let step = try schedule.step
        try schedule.schedule(second)
        switch outcome {
        case "moved": try schedule.refuse(moved)
        case "inactive": try schedule.refuse(inactive)
        // It was published long ago, taken back, and scheduled again.
        default: try schedule.finish()
        }
        #expect(try schedule.state.isOpen && schedule.state.deadlines.keys.sorted() == [second])
        try schedule.pass(second)
        // Else the command would be a repeat.
        #expect(try schedule.step != step)
        #expect(try schedule.state.openStep?.command["at"] == .string(second))
        try schedule.finish()
        #expect(try schedule.state.status == .ended(.completed, reason: nil))
    }

    @Test func `keeps it also when that passes before the old one is done with`() throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.pass(first)
        try schedule.schedule(second)
        try schedule.pass(second)
        try schedule.refuse(moved)
        try schedule.refuse(inactive)
        try schedule.finish()
        #expect(try schedule.state.status == .ended(.refused, reason: inactive))
    }

    @Test(arguments: [false, true]) func `takes the schedule back when an operator cancels it`(isPassed: Bool) throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.schedule(second)
        if isPassed { try schedule.pass(second) }
        try schedule.take(.cancel)
        let open = try #require(try schedule.state.openStep)
        #expect(open.undo == ["at": .string(second), "author": .string("a")])
        // The post's event comes back to it.
        try schedule.unschedule()
        try schedule.undo()
        #expect(try schedule.state.status == .ended(.compensated, reason: "cancelled by an operator"))
    }

    /// The relay or the command service is away between an operator's `cancel` and its end.
    @Test(arguments: [false, true]) func `keeps a time that is chosen while an older one is taken back`(isTakenBackToo: Bool) throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.take(.cancel)
        try schedule.schedule("2030-06-01T00:00:00.000Z")
        try schedule.schedule(second)
        if isTakenBackToo { try schedule.unschedule() }
        #expect(try schedule.state.openStep?.undo?["at"] == .string(first))
        try schedule.undo()
        let ends = try schedule.events.filter { $0.type == "ProcessEnded" }.map { try ProcessEvent($0).name }
        if isTakenBackToo {
            #expect(ends == ["compensated", "cancelled"])
            #expect(try schedule.state.status == .ended(.cancelled, reason: nil))
        } else {
            #expect(ends == ["compensated"])
            #expect(try schedule.state.status == .running && schedule.state.deadlines.keys.sorted() == [second])
            try schedule.pass(second)
            try schedule.finish()
            #expect(try schedule.state.status == .ended(.completed, reason: nil))
        }
    }

    @Test func `that gives a schedule up keeps one that is made meanwhile, and hears of its end`() throws {
        var schedule = Schedule()
        try schedule.schedule(first)
        try schedule.pass(first)
        try schedule.refuse(inactive)
        try schedule.schedule(second)
        try schedule.finish()
        #expect(try schedule.state.isOpen)
        try schedule.unschedule()
        #expect(try schedule.state.status == .ended(.cancelled, reason: nil))
    }
}
