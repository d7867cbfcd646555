import EventSourcing
import FoundationEssentials
import Testing

extension EventStoreContract {
    static let readerPromises = [
        EventStorePromise("the log is read in order, without a gap, in pages") { store async throws in
            let head = try await store.head()
            let requests = (0..<30).map { request(["\($0)", "x"], to: stream()) }
            _ = try await outcomes(of: requests, in: store)
            var position = head
            var events: [RecordedEvent] = []
            while case let page = try await store.read(after: position, limit: 7), let last = page.last {
                #expect(page.count <= 7)
                events += page
                position = last.position
            }
            #expect(events.map(\.position) == (1...60).map { head + $0 })
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.recordedAt <= $1.recordedAt })
            #expect(try await store.read(after: head + 60, limit: 7).isEmpty)
            #expect(try await store.read(after: head + 1000, limit: 7).isEmpty)
        },
        EventStorePromise("a stream is read after a version, as far as asked") { store async throws in
            let stream = stream()
            _ = try await store.append(request(["a", "b", "c", "d"], to: stream))
            #expect(try await store.load(stream, after: 1, limit: 2, command: nil).events.map(\.version) == [2, 3])
            #expect(try await store.load(stream, after: 3, limit: .max, command: nil).events.map(\.version) == [4])
            #expect(try await store.load(stream, after: 9, limit: 2, command: nil).events.isEmpty)
            #expect(try await store.load(Self.stream()).events.isEmpty)
        },
        EventStorePromise("a page ends with its bytes, however many events were asked for, and the rest follows") { store async throws in
            let (stream, head) = (stream(), try await store.head())
            // Text that does not compress: 24 MB in all.
            for _ in 0..<10 { _ = try await store.append(request((0..<3).map { _ in Self.noise(800_000) }, to: stream)) }
            let first = try await store.read(after: head, limit: 100)
            #expect((20...22).contains(first.count))
            let last = try #require(first.last)
            #expect(try await store.read(after: last.position, limit: 100).count == 30 - first.count)
            #expect(try await store.read(StreamRead(stream), limit: 100).count == first.count)
            #expect(try await store.read(StreamRead(stream, .backwards, bytes: 1), limit: 100).map(\.version) == [30])
            let loaded = try await store.load(stream, after: 3, limit: 100, command: nil)
            #expect(loaded.events.map(\.version) == [4] && !loaded.isLast)
            #expect(try await store.load(stream, after: 29, limit: 100, command: nil).isLast)
            for filter in [EventFilter.everything, EventFilter(types: ["Noted"])] {
                for direction in [ReadDirection.forwards, .backwards] {
                    let part = LogRead(filter, positions: head + 1...Int64.max, direction)
                    let page = try await store.read(part, limit: 100)
                    #expect(page.events.count == first.count && !page.isLast && page.through == page.events.last?.position)
                    var positions: [Int64] = []
                    for try await page in store.pages(of: part) { positions += page.map(\.position) }
                    #expect(positions.sorted() == Array(head + 1...head + 30))
                }
            }
            var versions: [Int] = []
            for try await page in store.pages(of: StreamRead(stream)) { versions += page.map(\.version) }
            #expect(versions == Array(1...30))
            var followed: [Int64] = []
            for try await page in store.subscribe(after: head, lastEvent: nil, pageSize: 100) {
                #expect(page.count <= 22)
                followed += page.map(\.position)
                if followed.count == 30 { break }
            }
            #expect(followed == Array(head + 1...head + 30))
        },
        EventStorePromise("whoever waits for the next event is woken by it") { store async throws in
            let (stream, head) = (stream(), try await store.head())
            try await withThrowingTaskGroup(of: [RecordedEvent]?.self) { group in
                for _ in 0..<5 {
                    group.addTask {
                        var pages = store.subscribe(after: head).makeAsyncIterator()
                        return try await pages.next()
                    }
                }
                _ = try await store.append(request(to: stream))
                for try await page in group { #expect(page?.map(\.stream) == [stream]) }
            }
        },
        EventStorePromise("nobody waits for what is there already") { store async throws in
            let head = try await store.head()
            _ = try await store.append(request(to: stream()))
            try await store.waitForEvents(after: head)
        },
        EventStorePromise("a subscription gives every event once, while others append") { store async throws in
            let head = try await store.head()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var positions: [Int64] = []
                    for try await page in store.subscribe(after: head, pageSize: 3) {
                        positions += page.map(\.position)
                        if positions.count == 40 { break }
                    }
                    #expect(positions == (1...40).map { head + $0 })
                }
                for _ in 0..<40 { group.addTask { _ = try await store.append(request(to: stream())) } }
                try await group.waitForAll()
            }
        },
    ]
}
