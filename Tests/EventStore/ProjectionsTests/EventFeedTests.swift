import EventSourcing
import EventStoreTesting
import FoundationEssentials
import JSON
import Publishing
import Synchronization
import Testing

@testable import Projections

private func history(of count: Int) async throws -> History {
    let history = History()
    for _ in 0..<count { try await history.tell(views: 1, of: .number(1)) }
    return history
}

private func event(_ position: Int64) -> RecordedEvent {
    RecordedEvent(
        position: position, stream: StreamName("views", .number(1)), version: 1, id: .number(1), type: "PostViewed", schemaVersion: 1, data: [:],
        metadata: EventMetadata(command: .number(1)), recordedAt: History.start)
}

@Suite(.timeLimit(.minutes(15))) struct `The feed of the log` {
    @Test func `reads each page once for all who are at the same place`() async throws {
        let history = try await history(of: 4500)
        let log = AlteredLog(history.store)
        let feed = EventFeed(log)
        let seen = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for _ in 1...8 {
                group.addTask {
                    var positions: [Int64] = []
                    while positions.count < 4500 { positions += try await feed.events(after: positions.last ?? 0).map(\.position) }
                    return positions
                }
            }
            return try await group.reduce(into: [[Int64]]()) { $0.append($1) }
        }
        #expect(seen == Array(repeating: Array(1...4500), count: 8))
        #expect(log.fullReads.sorted() == [0, 2000, 4000])
    }

    @Test func `fills a page from several small ones`() async throws {
        let history = History()
        let feed = EventFeed(history.store)
        for position in Int64(0)..<10 {
            try await history.tell(views: 1, of: .number(1))
            #expect(try await feed.events(after: position).count == 1)
        }
        #expect(try await feed.events(after: 3).map(\.position) == Array(4...10))
    }

    @Test func `waits at the head for the next event, all readers together`() async throws {
        let history = try await history(of: 3)
        let log = AlteredLog(history.store)
        let feed = EventFeed(log)
        try await withThrowingTaskGroup(of: [Int64].self) { group in
            for _ in 1...20 { group.addTask { try await feed.events(after: 3).map(\.position) } }
            try await history.tell(views: 1, of: .number(1))
            for try await positions in group { #expect(positions == [4]) }
        }
        #expect(log.fullReads == [3])
    }

    @Test func `lets the others read on when the one who read is cancelled`() async throws {
        let history = History()
        let feed = EventFeed(history.store)
        await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...5 { group.addTask { _ = try await feed.events(after: 0) } }
            group.cancelAll()
            while let result = await group.nextResult() { #expect(throws: CancellationError.self) { try result.get() } }
        }
        try await history.tell(views: 1, of: .number(1))
        #expect(try await feed.events(after: 0).count == 1)
    }

    @Test func `refuses a gap`() async throws {
        let history = try await history(of: 5)
        let feed = EventFeed(AlteredLog(history.store) { $0.filter { $0.position != 4 } })
        await #expect(throws: EventStoreError.self) { try await feed.events(after: 0) }
        await #expect(throws: EventStoreError.self) { try await feed.events(after: 3) }
    }

    @Test func `gives nothing that does not follow the event which its reader has`() async throws {
        let (history, other) = (try await history(of: 3), try await history(of: 5))
        let feed = EventFeed(history.store)
        let first = try await feed.events(after: 0)[0]
        #expect(try await feed.events(after: 1, first.id).map(\.position) == [2, 3])
        let another = try await other.store.read(after: 0, limit: 1)[0]
        // Kept pages and the log itself both begin otherwise.
        await #expect(throws: EventStoreError.self) { try await feed.events(after: 1, another.id) }
    }

    /// Posts of a megabyte each.
    private func posts(_ count: UInt64) async throws -> History {
        let (history, text) = (History(), String(repeating: "x", count: 1 << 20))
        for post in 1...count {
            try await history.tell(.drafted(author: .number(1), title: .known("t"), slug: .known("s"), content: .known(text)), of: .number(post))
        }
        return history
    }

    @Test func `reads and hands out no more than a page's bytes, however large the events are`() async throws {
        let reads = Mutex<[Int]>([])
        let log = AlteredLog(try await posts(60).store) { page in
            reads.withLock { $0.append(page.count) }
            return page
        }
        let feed = EventFeed(log)
        var (seen, last): ([Int64], RecordedEvent?) = ([], nil)
        while seen.count < 60 {
            let page = try await feed.events(after: last?.position ?? 0, last?.id)
            #expect(page.count <= 16 && page.reduce(0) { $0 + $1.approximateSize } <= EventFeed.pageBytes)
            seen += page.map(\.position)
            last = page.last
        }
        #expect(seen == Array(1...60))
        // The event that each reader knows, and one that only the log takes for the last of a page.
        #expect(reads.withLock { $0.allSatisfy { $0 <= 18 } })
    }

    @Test func `gives a fold no more than two pages' worth, however many workers it has`() async throws {
        let feed = EventFeed(try await posts(60).store)
        let chunk = try await LogFold.read(feed, after: 0, nil, to: 60, 64)
        #expect(chunk.map(\.position) == Array(1...Int64(chunk.count)))
        #expect((17...48).contains(chunk.count))
    }

    @Test func `keeps nothing for long, since the key of somebody in it may be gone`() async throws {
        let log = AlteredLog(try await history(of: 3).store)
        let feed = EventFeed(log)
        try await racing {
            // Read again and again, and still dropped.
            while log.fullReads.count < 3 {
                let count = try await feed.events(after: 0).count
                #expect(count == 3)
                try Task.checkCancellation()
                await Task.yield()
            }
        } against: {
            try await feed.dropOld(every: .milliseconds(1))
        }
    }

    @Test func `keeps nothing when maintenance has ended`() async throws {
        let log = AlteredLog(try await history(of: 3).store)
        let feed = EventFeed(log)
        for _ in 1...2 { try await feed.keepingBriefly { for _ in 1...2 { _ = try await feed.events(after: 0) } } }
        #expect(log.fullReads == [0, 0])
    }

    @Test func `begins a new page for what comes when the last one is old`() {
        var pages = PageCache(capacity: 1 << 20, pageSize: 9, pageBytes: 1 << 20)
        pages.add([event(1)], after: nil)
        pages.dropOld()
        pages.add([event(2)], after: .number(1))
        #expect(pages.events(after: 0, nil).map(\.position) == [1, 2])
        pages.dropOld()
        #expect(pages.events(after: 0, nil).isEmpty)
        #expect(pages.events(after: 1, nil).map(\.position) == [2])
    }

    @Test func `keeps about as much as it may, the newest in any case`() {
        var pages = PageCache(capacity: 400, pageSize: 2, pageBytes: 400)
        pages.add([event(1), event(2)], after: nil)
        #expect(pages.events(after: 0, nil).count == 2)
        pages.add([event(3), event(4)], after: .number(1))
        #expect(pages.events(after: 0, nil).isEmpty)
        #expect(pages.events(after: 3, nil).map(\.position) == [4])
    }
}
