import FoundationEssentials
import JSON
import Synchronization
import TestSupport
import Testing

@testable import EventSourcing

/// Rules whose states have owners and sizes: a note of somebody.
private enum NoteRules: StreamRules {
    struct State: Sendable, Equatable {
        var owner: UUID?
        var size = 0
    }
    enum Event: Sendable, Equatable { case written(by: UUID, size: Int) }
    enum Command: Sendable { case nothing }
    enum Refusal: Error, Equatable { case never }

    static let category = "note"
    static let schemas = [EventSchema("Written", in: category, [.open("owner", .id), .open("size", .integer)])]
    static let initialState = State()
    static func decide(_ command: Command, in state: State) throws(Refusal) -> [Event] { [] }
    static func evolve(_ state: inout State, with event: Event) {
        switch event {
        case .written(let owner, let size): state = State(owner: owner, size: size)
        }
    }
    static func subject(of events: [Event], in state: State, on stream: StreamName) -> UUID? { fold(events, from: state).owner }
    static func footprint(of state: State) -> Int { state.size }
    static func encode(_ event: Event) -> NewEvent { NewEvent(type: "Written", schemaVersion: 1, data: [:]) }
    static func decode(_ event: RecordedEvent) throws(EventDecodingError) -> Event {
        guard let owner = event.data["owner"]?.text.flatMap({ UUID(lowercase: $0) }), let size = event.data["size"]?.int else {
            throw EventDecodingError(event, reason: "no note")
        }
        return .written(by: owner, size: Int(size))
    }
}

private func note() -> StreamName { StreamName(NoteRules.category, .v7()) }

private func folded(_ stream: StreamName, by owner: UUID, size: Int = 0, version: Int = 1) throws -> FoldedStream<NoteRules> {
    try FoldedStream([
        RecordedEvent(
            position: 1, stream: stream, version: version, id: .v7(), type: "Written", schemaVersion: 1,
            data: ["owner": .string(owner.lowercased), "size": .integer(Int64(size))], metadata: EventMetadata(command: .v7()), recordedAt: .now)
    ])
}

private final class Time: Sendable {
    private let instant = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { instant.withLock { $0 } }
    func pass(_ duration: Duration) { instant.withLock { $0 += duration } }
}

@Suite struct `A cache of states` {
    private let time = Time()
    private let owner = UUID.v7()

    private func cache(_ change: (inout StateCacheLimits) -> Void = { _ in }) -> StateCache<NoteRules> {
        var limits = StateCacheLimits()
        change(&limits)
        return StateCache(limits: limits, now: { [time] in time.now })
    }

    @Test func `drops what was used longest ago when there are too many`() throws {
        let cache = cache { $0.entries = 3 }
        let notes = (0..<4).map { _ in note() }
        for note in notes[0..<3] { cache.keep(try folded(note, by: owner), of: note) }
        #expect(cache.folded(notes[0]) != nil)
        cache.keep(try folded(notes[3], by: owner), of: notes[3])
        #expect(notes.map { cache.folded($0) != nil } == [true, false, true, true])
        #expect(cache.statistics.entries == 3)
    }

    @Test func `drops as many as it takes when they are too big`() throws {
        let cache = cache { $0.bytes = 10_000 }
        let notes = (0..<4).map { _ in note() }
        for note in notes[0..<3] { cache.keep(try folded(note, by: owner, size: 2000), of: note) }
        #expect(cache.statistics.entries == 3)
        cache.keep(try folded(notes[3], by: owner, size: 4480), of: notes[3])
        #expect(notes.map { cache.folded($0) != nil } == [false, false, true, true])
        #expect(cache.statistics.bytes <= 10_000)
    }

    @Test func `does not keep one that would push out the others`() throws {
        let cache = cache { $0.bytes = 10_000 }
        let (small, big) = (note(), note())
        cache.keep(try folded(small, by: owner), of: small)
        cache.keep(try folded(big, by: owner, size: 9000), of: big)
        #expect(cache.folded(small) != nil)
        #expect(cache.folded(big) == nil)
    }

    @Test func `keeps the newer of two`() throws {
        let cache = cache()
        let stream = note()
        cache.keep(try folded(stream, by: owner, version: 5), of: stream)
        cache.keep(try folded(stream, by: owner, version: 4), of: stream)
        #expect(cache.folded(stream)?.version == 5)
        #expect(cache.statistics.entries == 1)
    }

    @Test func `keeps no fold whose last event was not read from the log`() throws {
        let cache = cache()
        let stream = note()
        let receipt = CommandReceipt(key: .unrepeated(), stream: stream, version: 2, firstPosition: 2, lastPosition: 2, recordedAt: .now)
        cache.keep(try folded(stream, by: owner).followed(by: [.written(by: owner, size: 1)], as: receipt), of: stream)
        #expect(cache.folded(stream) == nil)
    }

    @Test func `forgets all that is a person's, and nothing else`() throws {
        let cache = cache()
        let (mine, also, other) = (note(), note(), note())
        cache.keep(try folded(mine, by: owner), of: mine)
        cache.keep(try folded(also, by: owner), of: also)
        cache.keep(try folded(other, by: .v7()), of: other)
        cache.forget(owner)
        #expect([mine, also, other].map { cache.folded($0) != nil } == [false, false, true])
        #expect(cache.statistics.entries == 1)
    }

    @Test func `does not take back what was loaded before its person was forgotten`() throws {
        let cache = cache()
        let stream = note()
        let loaded = try folded(stream, by: owner)
        cache.forget(owner)
        cache.keep(loaded, of: stream)
        #expect(cache.folded(stream) == nil)
    }

    @Test func `follows a stream that changes hands`() throws {
        let cache = cache()
        let stream = note()
        let heir = UUID.v7()
        cache.keep(try folded(stream, by: owner), of: stream)
        cache.keep(try folded(stream, by: heir, version: 2), of: stream)
        cache.forget(owner)
        #expect(cache.folded(stream) != nil)
        cache.forget(heir)
        #expect(cache.folded(stream) == nil)
    }

    @Test func `lets nothing get old, however often it is used`() throws {
        let cache = cache { $0.lifetime = .seconds(60) }
        let (busy, idle) = (note(), note())
        for note in [busy, idle] { cache.keep(try folded(note, by: owner), of: note) }
        for version in 2...6 {
            time.pass(.seconds(10))
            #expect(cache.folded(busy) != nil)
            cache.keep(try folded(busy, by: owner, version: version), of: busy)
        }
        time.pass(.seconds(10))
        cache.removeExpired()
        #expect(cache.statistics.entries == 0)
        #expect(cache.folded(busy) == nil)
        cache.keep(try folded(busy, by: owner, version: 7), of: busy)
        #expect(cache.folded(busy) != nil)
    }

    @Test func `is empty while it is suspended`() throws {
        let cache = cache()
        let stream = note()
        cache.keep(try folded(stream, by: owner), of: stream)
        cache.suspend()
        #expect(cache.folded(stream) == nil)
        cache.keep(try folded(stream, by: owner), of: stream)
        #expect(cache.folded(stream) == nil)
        cache.resume()
        cache.keep(try folded(stream, by: owner), of: stream)
        #expect(cache.folded(stream) != nil)
    }
}

@Suite struct `Least recently used` {
    @Test(arguments: (0..<10).map { _ in UInt64.random(in: .min ... .max) }) func `is what a list kept in order of use says`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var table = LeastRecentlyUsed<Int, Int>()
        // From the oldest use to the newest.
        var model: [(key: Int, value: Int, cost: Int)] = []
        for step in 0..<500 {
            let key = Int.random(in: 0..<12, using: &random)
            let index = model.firstIndex { $0.key == key }
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let cost = Int.random(in: 1..<9, using: &random)
                if let index { model.remove(at: index) }
                model.append((key, step, cost))
                table.set(key, to: step, cost: cost)
            case 2:
                let used = table.use(key)
                #expect(used == index.map { model[$0].value }, "seed \(seed), step \(step)")
                if let index { model.append(model.remove(at: index)) }
            default:
                let removed = table.remove(key)
                #expect(removed == index.map { model.remove(at: $0).value }, "seed \(seed), step \(step)")
            }
            #expect(table.oldestKey == model.first?.key, "seed \(seed), step \(step)")
            #expect(table.count == model.count && table.totalCost == model.reduce(0) { $0 + $1.cost }, "seed \(seed), step \(step)")
        }
        while let oldest = table.oldestKey {
            #expect(oldest == model.removeFirst().key, "seed \(seed)")
            table.remove(oldest)
        }
        #expect(model.isEmpty)
    }
}
