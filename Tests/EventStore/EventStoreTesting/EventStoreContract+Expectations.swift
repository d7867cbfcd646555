import EventSourcing
import FoundationEssentials
import Testing

extension EventStoreContract {
    /// Every expectation of a stream that is new, that exists, and that others write to at the same time.
    static let expectationPromises = expectations.flatMap { expected in
        [
            EventStorePromise("\(expected), of a new stream") { store async throws in try await check(expected, ofStreamAt: 0, in: store) },
            EventStorePromise("\(expected), of a stream that exists") { store async throws in try await check(expected, ofStreamAt: 2, in: store) },
            EventStorePromise("\(expected), of a new stream to which nothing is appended") { store async throws in
                try await checkEmpty(expected, ofStreamAt: 0, in: store)
            },
            EventStorePromise("\(expected), of a stream that exists and to which nothing is appended") { store async throws in
                try await checkEmpty(expected, ofStreamAt: 2, in: store)
            },
            EventStorePromise("\(expected), by many at once of a new stream") { store async throws in
                try await checkRace(expected, ofStreamAt: 0, in: store)
            },
            EventStorePromise("\(expected), by many at once of a stream that exists") { store async throws in
                try await checkRace(expected, ofStreamAt: 2, in: store)
            },
        ]
    }

    /// Of streams at 0 and at 2, each is right once at most, and wrong on either side.
    private static let expectations: [ExpectedVersion] = [.none, .exactly(0), .exactly(1), .exactly(2), .exactly(3), .exactly(.max), .any]

    private static func check(_ expected: ExpectedVersion, ofStreamAt version: Int, in store: any EventStore) async throws {
        let stream = try await stream(at: version, in: store)
        let head = try await store.head()
        let outcome = try await store.append(request(["x", "y"], to: stream, expecting: expected))
        if isRight(expected, at: version) {
            #expect(outcome.appended?.version == version + 2)
            #expect(outcome.appended?.firstPosition == head + 1)
            #expect(outcome.appended?.lastPosition == head + 2)
        } else {
            #expect(outcome == .conflict(stream: stream, actual: version))
            #expect(try await store.head() == head)
        }
        #expect(try await store.load(stream).events.count == version + (isRight(expected, at: version) ? 2 : 0))
    }

    /// Alone, and as the second stream of a request that appends to another.
    private static func checkEmpty(_ expected: ExpectedVersion, ofStreamAt version: Int, in store: any EventStore) async throws {
        let stream = try await stream(at: version, in: store)
        let position = try await store.load(stream).events.last?.position ?? 0
        let head = try await store.head()
        let alone = try await store.append(request([], to: stream, expecting: expected))
        let other = Self.stream()
        let command = CommandReceipt.Key.unrepeated()
        let second = try await store.append(
            AppendRequest(
                [
                    StreamAppend(notes(["x"]), to: other, expecting: .none, sealedFor: nil),
                    StreamAppend([], to: stream, expecting: expected, sealedFor: nil),
                ], claims: [], command: command, metadata: EventMetadata(command: command.id)))
        if isRight(expected, at: version) {
            #expect(alone.appended?.version == version)
            #expect(alone.appended?.firstPosition == nil)
            #expect(alone.appended?.lastPosition == position)
            #expect(second.appended?.lastPosition == head + 1)
        } else {
            #expect(alone == .conflict(stream: stream, actual: version))
            #expect(second == .conflict(stream: stream, actual: version))
            #expect(try await store.load(other).events.isEmpty)
        }
        #expect(try await store.load(stream).events.count == version)
    }

    private static func checkRace(_ expected: ExpectedVersion, ofStreamAt version: Int, in store: any EventStore) async throws {
        let stream = try await stream(at: version, in: store)
        let outcomes = try await outcomes(of: (0..<20).map { request(["\($0)"], to: stream, expecting: expected) }, in: store)
        let versions = outcomes.compactMap(\.appended).map(\.version).sorted()
        let winners = isRight(expected, at: version) ? (expected == .any ? 20 : 1) : 0
        #expect(versions == (0..<winners).map { version + 1 + $0 })
        #expect(outcomes.filter { $0 == .conflict(stream: stream, actual: version + winners) }.count == 20 - winners)
        #expect(try await store.load(stream).events.map(\.version) == Array(1..<(version + winners + 1)))
    }

    /// Told again on purpose, and not asked of `ExpectedVersion`: that is what is checked.
    private static func isRight(_ expected: ExpectedVersion, at version: Int) -> Bool {
        switch expected {
        case .none: version == 0
        case .exactly(let number): number == version
        case .any: true
        }
    }

    private static func stream(at version: Int, in store: any EventStore) async throws -> StreamName {
        let stream = stream()
        if version > 0 { _ = try await store.append(request((0..<version).map(String.init), to: stream)) }
        return stream
    }
}
