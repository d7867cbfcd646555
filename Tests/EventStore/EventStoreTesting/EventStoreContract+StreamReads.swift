import EventSourcing
import FoundationEssentials
import Testing

extension EventStoreContract {
    static let streamReadPromises = [
        EventStorePromise("a part of a stream is read forwards and backwards, bounds included, as far as asked") { store async throws in
            let stream = stream()
            _ = try await store.append(request(["a"], to: Self.stream()))
            _ = try await store.append(request(["a", "b", "c", "d", "e"], to: stream))
            func versions(_ part: StreamRead, limit: Int) async throws -> [Int] { try await store.read(part, limit: limit).map(\.version) }

            #expect(try await versions(StreamRead(stream), limit: 99) == [1, 2, 3, 4, 5])
            #expect(try await versions(StreamRead(stream, .backwards), limit: 99) == [5, 4, 3, 2, 1])
            #expect(try await versions(StreamRead(stream), limit: 2) == [1, 2])
            #expect(try await versions(StreamRead(stream, .backwards), limit: 2) == [5, 4])
            #expect(try await versions(StreamRead(stream, versions: 2...4), limit: 99) == [2, 3, 4])
            #expect(try await versions(StreamRead(stream, versions: 2...4, .backwards), limit: 2) == [4, 3])
            #expect(try await versions(StreamRead(stream, versions: 4...9), limit: 99) == [4, 5])
            #expect(try await versions(StreamRead(stream), limit: 0).isEmpty)
            #expect(try await versions(StreamRead(stream, versions: 6...9), limit: 99).isEmpty)
            #expect(try await versions(StreamRead(Self.stream()), limit: 99).isEmpty)
            #expect(try await store.read(StreamRead(stream), limit: 99) == store.load(stream).events)
        },
        EventStorePromise("a stream is read to a moment, and what the log took in it is in") { store async throws in
            let stream = stream()
            var times: [Timestamp] = []
            for _ in 0..<4 {
                let time = try #require(try await store.append(request(["a", "b"], to: stream)).appended).recordedAt
                times.append(time)
                // Until the clock has moved on, so that no two of these times are the same.
                while try await store.append(request(to: Self.stream())).appended?.recordedAt == time {}
            }
            func versions(until time: Timestamp, _ direction: ReadDirection = .forwards, limit: Int = 99) async throws -> [Int] {
                try await store.read(StreamRead(stream, until: time, direction), limit: limit).map(\.version)
            }

            #expect(try await versions(until: times[1]) == [1, 2, 3, 4])
            #expect(try await versions(until: times[2].advanced(by: .milliseconds(-1))) == [1, 2, 3, 4])
            #expect(try await versions(until: times[0].advanced(by: .milliseconds(-1))).isEmpty)
            #expect(try await versions(until: times[0]) == [1, 2])
            #expect(try await versions(until: times[3]) == Array(1...8))
            #expect(try await versions(until: times[3].advanced(by: .seconds(3600))) == Array(1...8))
            #expect(try await versions(until: times[2], .backwards, limit: 3) == [6, 5, 4])
            let some = StreamRead(stream, versions: 3...8, until: times[1])
            #expect(try await store.read(some, limit: 99).map(\.version) == [3, 4])
            let none = StreamRead(stream, versions: 5...8, until: times[1])
            #expect(try await store.read(none, limit: 99).isEmpty)
        },
        EventStorePromise("a long stream is walked page by page, either way, each event once") { store async throws in
            let stream = stream()
            for _ in 0..<5 { _ = try await store.append(request(["a", "b"], to: stream)) }
            func pages(_ part: StreamRead, limit: Int = .max, pageSize: Int) async throws -> [[Int]] {
                var pages: [[Int]] = []
                for try await page in store.pages(of: part, limit: limit, pageSize: pageSize) { pages.append(page.map(\.version)) }
                return pages
            }

            #expect(try await pages(StreamRead(stream), pageSize: 4) == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]])
            #expect(try await pages(StreamRead(stream), pageSize: 5) == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]])
            #expect(try await pages(StreamRead(stream, .backwards), pageSize: 6) == [[10, 9, 8, 7, 6, 5], [4, 3, 2, 1]])
            #expect(try await pages(StreamRead(stream, versions: 3...8), pageSize: 4) == [[3, 4, 5, 6], [7, 8]])
            #expect(try await pages(StreamRead(stream, versions: 3...8, .backwards), pageSize: 3) == [[8, 7, 6], [5, 4, 3]])
            #expect(try await pages(StreamRead(stream), limit: 7, pageSize: 5) == [[1, 2, 3, 4, 5], [6, 7]])
            #expect(try await pages(StreamRead(stream), limit: 0, pageSize: 5).isEmpty)
            #expect(try await pages(StreamRead(Self.stream()), pageSize: 5).isEmpty)
        },
    ]
}
