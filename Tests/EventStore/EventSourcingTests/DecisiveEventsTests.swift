import EventSourcing
import EventStoreTesting
import FoundationEssentials
import JSON
import TestSupport
import Testing

/// Events of which each replaces what an earlier one of its kind, or with its field, has said.
private let decisive = DecisiveEvents(types: [["Opened", "Shut"], ["Painted"]], fields: ["colour", "name"])

/// The last of each field in a history.
private struct Door: Equatable {
    var isOpen: String?
    var colour: JSONValue?
    var name: JSONValue?
    var painted = 0
    var first: UUID?
    var last: UUID?

    init(_ events: [RecordedEvent]) {
        for event in events {
            if event.type == "Opened" || event.type == "Shut" { isOpen = event.type }
            if event.type == "Painted" { painted = event.version }
            colour = event.data["colour"] ?? colour
            name = event.data["name"] ?? name
            first = first ?? event.id
            last = event.id
        }
    }
}

@Suite struct `The events that decide a stream's state` {
    @Test(arguments: [UInt64(1), 2, 3].map { $0 &+ UInt64.random(in: .min ... .max) }) func `say what the whole stream says`(seed: UInt64)
        async throws
    {
        print("seed \(seed)")
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            let store = InMemoryEventStore()
            let stream = StreamName("door", .v7())
            let count = Int.random(in: 0..<40, using: &random)
            // One kind of event is rare, so that its last one lies far back.
            let events = (0..<count).map { number in
                let type = number < 3 ? ["Opened", "Shut", "Painted"].randomElement(using: &random) ?? "Shut" : "Cleaned"
                let fields: [JSONObject] = [[:], ["colour": .integer(Int64(number))], number < 5 ? ["name": .integer(Int64(number))] : [:]]
                return NewEvent(type: type, schemaVersion: 1, data: fields.randomElement(using: &random) ?? [:])
            }
            if count > 0 {
                let append = StreamAppend(events, to: stream, expecting: .none, sealedFor: nil)
                _ = try await store.append(AppendRequest([append], claims: [], command: .unrepeated(), metadata: EventMetadata(command: .v7())))
            }
            let whole = try await store.load(stream).events
            for version in [1, count / 2, count, Int.max] where version > 0 {
                let found = try await store.events(deciding: decisive, of: stream, through: version)
                #expect(Door(found) == Door(whole.filter { $0.version <= version }), "\(count) events, version \(version)")
                #expect(found.count <= 8 && found.map(\.version) == found.map(\.version).sorted())
            }
        }
    }
}
