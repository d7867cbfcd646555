import EventSourcing
import FoundationEssentials
import JSON
import Testing

extension EventStoreContract {
    private static let noted = EventFilter(types: ["Noted"])
    private static let marked = EventFilter(types: ["Marked"])
    private static let archive = EventFilter(category: "archive")

    /// Appends one event of each of these types, in the streams where it belongs. Returns the position before the first.
    private static func append(_ types: [String], to store: any EventStore) async throws -> Int64 {
        let before = try await store.head()
        for type in types {
            let event = NewEvent(type: type, schemaVersion: 1, data: [:])
            let stream = StreamName(catalog[type]?.category ?? "", .v7())
            let key = CommandReceipt.Key.unrepeated()
            let append = StreamAppend([event], to: stream, expecting: .none, sealedFor: nil)
            _ = try await store.append(AppendRequest([append], claims: [], command: key, metadata: EventMetadata(command: key.id)))
        }
        return before
    }

    static let logReadPromises = [
        EventStorePromise("the log is read by category, by type, by both, and by neither, either way") { store async throws in
            let before = try await append(["Noted", "Filed", "Marked", "Noted", "Filed", "Noted"], to: store)
            func positions(_ filter: EventFilter, _ direction: ReadDirection = .forwards, limit: Int = 99) async throws -> [Int64] {
                let read = LogRead(filter, positions: before + 1...Int64.max, direction)
                return try await store.read(read, limit: limit).events.map { $0.position - before }
            }

            #expect(try await positions(.everything) == [1, 2, 3, 4, 5, 6])
            #expect(try await positions(.everything, .backwards) == [6, 5, 4, 3, 2, 1])
            #expect(try await positions(archive) == [2, 5])
            #expect(try await positions(EventFilter(category: "contract")) == [1, 3, 4, 6])
            #expect(try await positions(EventFilter(category: "contract"), .backwards) == [6, 4, 3, 1])
            #expect(try await positions(noted) == [1, 4, 6])
            #expect(try await positions(noted, .backwards) == [6, 4, 1])
            #expect(try await positions(EventFilter(types: ["Marked", "Filed"])) == [2, 3, 5])
            #expect(try await positions(EventFilter(category: "contract", types: ["Marked", "Filed"])) == [3])
            #expect(try await positions(noted, limit: 2) == [1, 4])
            #expect(try await positions(EventFilter(category: "contract"), .backwards, limit: 3) == [6, 4, 3])
            #expect(try await positions(.everything, .backwards, limit: 2) == [6, 5])
        },
        EventStorePromise("a filter that nothing passes is no error, whether its names are known or not") { store async throws in
            let before = try await append(["Noted", "Noted"], to: store)
            let filters = [
                archive, marked, EventFilter(types: ["Unheard"]), EventFilter(types: []), EventFilter(category: "nowhere"),
                EventFilter(category: "con"),
                EventFilter(category: "archive", types: ["Noted"]), EventFilter(category: "", types: ["Noted"]),
            ]
            for filter in filters {
                let forwards = try await store.read(LogRead(filter, positions: before + 1...Int64.max), limit: 9)
                #expect(forwards.events.isEmpty, "\(filter)")
                #expect(forwards.through == before + 2, "\(filter)")
                let backwards = try await store.read(LogRead(filter, positions: before + 1...Int64.max, .backwards), limit: 9)
                #expect(backwards.events.isEmpty, "\(filter)")
                #expect(backwards.through == before + 1, "\(filter)")
            }
        },
        EventStorePromise("a page of the log says how far it has looked") { store async throws in
            let before = try await append(["Noted", "Filed", "Noted", "Marked", "Filed"], to: store)
            func through(_ filter: EventFilter, _ positions: ClosedRange<Int64>, _ direction: ReadDirection = .forwards, limit: Int) async throws
                -> Int64
            {
                let bounds = before + positions.lowerBound...(positions.upperBound == .max ? .max : before + positions.upperBound)
                return try await store.read(LogRead(filter, positions: bounds, direction), limit: limit).through - before
            }

            // A full page: to its last event. One that is not: to the log's end, past what the filter keeps back.
            #expect(try await through(noted, 1...Int64.max, limit: 1) == 1)
            #expect(try await through(noted, 1...Int64.max, limit: 2) == 3)
            #expect(try await through(noted, 1...Int64.max, limit: 3) == 5)
            #expect(try await through(marked, 1...Int64.max, limit: 9) == 5)
            #expect(try await through(.everything, 1...Int64.max, limit: 9) == 5)
            #expect(try await through(.everything, 1...Int64.max, limit: 2) == 2)
            // No further than the read's own bound, and never back behind its begin.
            #expect(try await through(noted, 1...4, limit: 9) == 4)
            #expect(try await through(.everything, 2...3, limit: 9) == 3)
            #expect(try await through(noted, 1000...Int64.max, limit: 9) == 999)
            #expect(try await through(.everything, 1000...Int64.max, limit: 9) == 999)
            #expect(try await through(noted, 3...Int64.max, limit: 0) == 2)
            // Backwards it is the lowest position looked at.
            #expect(try await through(noted, 1...Int64.max, .backwards, limit: 1) == 3)
            #expect(try await through(marked, 2...Int64.max, .backwards, limit: 9) == 2)
            #expect(try await through(.everything, 1...4, .backwards, limit: 2) == 3)
            #expect(try await through(.everything, 1...4, .backwards, limit: 0) == 5)
        },
        EventStorePromise("the log is read between two positions, both included") { store async throws in
            let before = try await append(["Noted", "Filed", "Noted", "Noted"], to: store)
            func positions(_ filter: EventFilter, _ positions: ClosedRange<Int64>, _ direction: ReadDirection = .forwards) async throws -> [Int64] {
                let bounds = before + positions.lowerBound...before + positions.upperBound
                return try await store.read(LogRead(filter, positions: bounds, direction), limit: 99).events.map { $0.position - before }
            }

            #expect(try await positions(.everything, 2...3) == [2, 3])
            #expect(try await positions(.everything, 2...3, .backwards) == [3, 2])
            #expect(try await positions(noted, 1...3) == [1, 3])
            #expect(try await positions(noted, 3...4, .backwards) == [4, 3])
            #expect(try await positions(noted, 9...20).isEmpty)
            #expect(try await positions(.everything, 9...20, .backwards).isEmpty)
        },
        EventStorePromise("the log is walked page by page, either way, each wanted event once") { store async throws in
            let before = try await append((0..<30).map { $0 % 3 == 0 ? "Filed" : $0 % 3 == 1 ? "Noted" : "Marked" }, to: store)
            func walked(_ filter: EventFilter, _ direction: ReadDirection = .forwards, limit: Int = .max, pageSize: Int) async throws -> [Int64] {
                var positions: [Int64] = []
                for try await page in store.pages(
                    of: LogRead(filter, positions: before + 1...Int64.max, direction), limit: limit, pageSize: pageSize)
                {
                    #expect(page.count <= pageSize)
                    positions += page.map { $0.position - before }
                }
                return positions
            }

            for pageSize in [1, 3, 5, 10, 99] {
                #expect(try await walked(archive, pageSize: pageSize) == (0..<10).map { 3 * $0 + 1 })
                #expect(try await walked(archive, .backwards, pageSize: pageSize) == (0..<10).reversed().map { 3 * $0 + 1 })
                #expect(try await walked(EventFilter(types: ["Filed", "Marked"]), pageSize: pageSize) == (1...30).filter { $0 % 3 != 2 })
                #expect(try await walked(.everything, pageSize: pageSize) == Array(1...30))
                #expect(try await walked(.everything, .backwards, limit: 7, pageSize: pageSize) == (24...30).reversed())
            }
        },
        EventStorePromise("whoever follows a filter sees each wanted event once, in order, while others append") { store async throws in
            let before = try await append(["Filed", "Noted"], to: store)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var events: [RecordedEvent] = []
                    for try await page in store.subscribe(after: before, to: archive, pageSize: 3) {
                        events += page
                        if events.count >= 21 { break }
                    }
                    #expect(events.allSatisfy { $0.type == "Filed" })
                    #expect(zip(events, events.dropFirst()).allSatisfy { $0.position < $1.position })
                    let there = try await store.read(LogRead(archive, positions: before + 1...Int64.max), limit: 99).events
                    #expect(events == there)
                }
                for _ in 0..<20 { group.addTask { _ = try await append(["Noted", "Filed", "Marked"], to: store) } }
                try await group.waitForAll()
            }
        },
    ]
}
