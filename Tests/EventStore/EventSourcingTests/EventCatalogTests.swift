import JSON
import Testing

@testable import EventSourcing

@Suite struct `A catalog of events` {
    private let catalog = EventCatalog(
        [
            EventSchema("Opened", in: "account", version: 3, [.personal("owner"), .open("currency", .text)]),
            EventSchema("Closed", in: "account", []), EventSchema("Moved", in: "account", version: 3, []),
        ],
        upcasters: [
            Upcaster("Opened", from: 1) { old in
                var new = old
                new["owner"] = old["name"]
                new["name"] = nil
                return new
            },
            Upcaster("Opened", from: 2) { old in
                var new = old
                new["currency"] = .string("EUR")
                return new
            }, Upcaster("Moved", from: 1) { $0 },
        ])

    @Test func `reads every old form as the newest, step by step`() throws {
        let newest: JSONObject = ["owner": .string("Ann"), "currency": .string("EUR")]
        let first = try catalog.upcast("Opened", version: 1, data: ["name": .string("Ann")])
        #expect(first.version == 3)
        #expect(first.data == newest)
        #expect(try catalog.upcast("Opened", version: 2, data: ["owner": .string("Ann")]).data == newest)
    }

    @Test func `leaves the newest form as it is`() throws {
        let data: JSONObject = ["owner": .null, "currency": .string("USD")]
        #expect(try catalog.upcast("Opened", version: 3, data: data).data == data)
        #expect(try catalog.upcast("Closed", version: 1, data: [:]).version == 1)
    }

    @Test(arguments: [("Opened", 4), ("Opened", 0), ("Closed", 2), ("Renamed", 1)]) func `stops at a type or version it does not know`(
        type: String, version: Int
    ) {
        #expect(throws: UnknownEvent(type: type, version: version)) { try catalog.upcast(type, version: version, data: [:]) }
    }

    @Test func `stops where a step is missing`() {
        #expect(throws: UnknownEvent(type: "Moved", version: 2)) { try catalog.upcast("Moved", version: 1, data: [:]) }
    }

    @Test func `knows what is personal`() {
        #expect(catalog["Opened"]?.personalFields == ["owner"])
        #expect(catalog["Closed"]?.personalFields == [])
        #expect(catalog["Renamed"] == nil)
    }
}
