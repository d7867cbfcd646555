import EventSourcing
import FoundationEssentials
import Testing

extension EventStoreContract {
    static let versionPromises = [
        EventStorePromise("a new stream takes events that expect none, and answers with where they are") { store async throws in
            let (stream, head) = (stream(), try await store.head())
            let receipt = try #require(try await store.append(request(["a", "b"], to: stream, expecting: .none)).appended)
            #expect(receipt.stream == stream)
            #expect(receipt.version == 2)
            #expect(receipt.firstPosition == head + 1)
            #expect(receipt.lastPosition == head + 2)
            #expect(try await store.head() == head + 2)
        },
        EventStorePromise("what was appended is read back as it was") { store async throws in
            let (stream, head) = (stream(), try await store.head())
            let key = CommandReceipt.Key(id: .v7(), digest: [1, 2])
            let metadata = EventMetadata(actor: .v7(), command: key.id, correlation: "r", causation: .v7(), traceparent: "00-ab-cd-01")
            let append = StreamAppend(notes(["é\n\u{1F600}", ""]), to: stream, expecting: .none, sealedFor: nil)
            let receipt = try #require(try await store.append(AppendRequest([append], claims: [], command: key, metadata: metadata)).appended)
            let events = try await store.load(stream).events
            #expect(events.map(\.data) == append.events.map(\.data))
            #expect(events.map(\.position) == [head + 1, head + 2])
            #expect(events.map(\.version) == [1, 2])
            #expect(Set(events.map(\.id)).count == 2)
            #expect(events.allSatisfy { $0.stream == stream && $0.type == "Noted" && $0.schemaVersion == 1 && $0.metadata == metadata })
            #expect(events.allSatisfy { $0.recordedAt == receipt.recordedAt })
        },
        EventStorePromise("a stream that exists refuses events that expect none") { store async throws in
            let stream = stream()
            _ = try await store.append(request(["a", "b"], to: stream))
            #expect(try await store.append(request(to: stream, expecting: .none)) == .conflict(stream: stream, actual: 2))
            #expect(try await store.load(stream).events.count == 2)
        },
        EventStorePromise("a stream takes events that expect its version, and no other") { store async throws in
            let stream = stream()
            #expect(try await store.append(request(to: stream, expecting: .exactly(1))) == .conflict(stream: stream, actual: 0))
            _ = try await store.append(request(["a", "b"], to: stream, expecting: .none))
            #expect(try await store.append(request(to: stream, expecting: .exactly(1))) == .conflict(stream: stream, actual: 2))
            #expect(try await store.append(request(to: stream, expecting: .exactly(3))) == .conflict(stream: stream, actual: 2))
            #expect(try await store.append(request(to: stream, expecting: .exactly(2))).appended?.version == 3)
        },
        EventStorePromise("a stream takes events that expect nothing, new or not") { store async throws in
            let stream = stream()
            #expect(try await store.append(request(to: stream)).appended?.version == 1)
            #expect(try await store.append(request(to: stream)).appended?.version == 2)
        },
        EventStorePromise("a refused request leaves no trace") { store async throws in
            let (stream, head) = (stream(), try await store.head())
            let key = CommandReceipt.Key.unrepeated()
            let taken = ClaimChange.take(.init(rawValue: "slug"), value: UUID.v7().lowercased)
            _ = try await store.append(request(to: stream, expecting: .exactly(5), claims: [taken], command: key))
            #expect(try await store.head() == head)
            #expect(try await store.load(stream, command: key.id).receipt == nil)
            #expect(try await store.append(request(to: Self.stream(), claims: [taken])).appended != nil)
            #expect(try await store.append(request(to: stream, command: key)).appended != nil)
        },
        EventStorePromise("of many that expect the same version at once, one wins") { store async throws in
            let stream = stream()
            for (expected, actual) in [(ExpectedVersion.none, 1), (.exactly(1), 2)] {
                let outcomes = try await outcomes(of: (0..<20).map { request(["\($0)"], to: stream, expecting: expected) }, in: store)
                #expect(outcomes.compactMap(\.appended).map(\.version) == [actual])
                #expect(outcomes.filter { $0 == .conflict(stream: stream, actual: actual) }.count == 19)
            }
        },
        EventStorePromise("of many that expect nothing at once, all win, one after the other") { store async throws in
            let (stream, head) = (stream(), try await store.head())
            let outcomes = try await outcomes(of: (0..<50).map { request(["\($0)", "x"], to: stream) }, in: store)
            #expect(outcomes.compactMap(\.appended).map(\.version).sorted() == (1...50).map { $0 * 2 })
            #expect(try await store.load(stream).events.map(\.position) == (1...100).map { head + $0 })
        },
        EventStorePromise("a request for two streams is appended whole or not at all") { store async throws in
            let (first, second, head) = (stream(), stream(), try await store.head())
            func both(_ expected: ExpectedVersion) -> AppendRequest {
                let key = CommandReceipt.Key.unrepeated()
                let appends = [
                    StreamAppend(notes(["a"]), to: first, expecting: .none, sealedFor: nil),
                    StreamAppend(notes(["b", "c"]), to: second, expecting: expected, sealedFor: nil),
                ]
                return AppendRequest(appends, claims: [], command: key, metadata: EventMetadata(command: key.id))
            }
            #expect(try await store.append(both(.exactly(1))) == .conflict(stream: second, actual: 0))
            #expect(try await store.load(first).events.isEmpty)
            let receipt = try #require(try await store.append(both(.none)).appended)
            #expect(receipt.stream == first)
            #expect(receipt.version == 1)
            #expect(receipt.firstPosition == head + 1)
            #expect(receipt.lastPosition == head + 3)
            #expect(try await store.load(second).events.map(\.version) == [1, 2])
        },
    ]
}
