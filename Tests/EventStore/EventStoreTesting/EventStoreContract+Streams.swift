import EventSourcing
import FoundationEssentials
import Testing

extension EventStoreContract {
    private static let slug = ClaimKind(rawValue: "slug")
    private static let active = ClaimKind(rawValue: "active")

    /// The promises about one request to several streams.
    static let streamPromises = [
        EventStorePromise("a request for several streams asks each its own question, and answers with the first stream's version") {
            store async throws in
            let (new, old, other, head) = (stream(), stream(), stream(), try await store.head())
            _ = try await store.append(request(["a", "b"], to: old))
            let receipt = try #require(
                try await store.append(several([(["c"], old, .exactly(2)), (["d", "e"], new, .none), (["f"], other, .any)])).appended)
            #expect(receipt.stream == old)
            #expect(receipt.version == 3)
            #expect(receipt.firstPosition == head + 3)
            #expect(receipt.lastPosition == head + 6)
            let events = try await store.read(after: head + 2, limit: 9)
            #expect(events.map(\.stream) == [old, new, new, other])
            #expect(events.map(\.version) == [3, 1, 2, 1])
            #expect(events.allSatisfy { $0.recordedAt == receipt.recordedAt })
        },
        EventStorePromise("one wrong expectation among several refuses everything, whichever it is and wherever it stands") { store async throws in
            let (new, old) = (stream(), stream())
            _ = try await store.append(request(["a", "b"], to: old))
            let head = try await store.head()
            let wrong: [(StreamName, ExpectedVersion, Int)] = [
                (new, .exactly(1), 0), (old, .none, 2), (old, .exactly(1), 2), (old, .exactly(3), 2), (old, .exactly(.max), 2),
            ]
            for (refusing, expected, actual) in wrong {
                let other = refusing == new ? (old, ExpectedVersion.exactly(2)) : (new, .none)
                let parts = [(["x"], refusing, expected), (["y"], other.0, other.1), (["z"], stream(), ExpectedVersion.none)]
                for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
                    let key = CommandReceipt.Key.unrepeated()
                    let outcome = try await store.append(several(order.map { parts[$0] }, command: key))
                    #expect(outcome == .conflict(stream: refusing, actual: actual))
                    #expect(try await store.load(new, command: key.id).receipt == nil)
                }
            }
            #expect(try await store.head() == head)
            #expect(try await store.load(new).events.isEmpty)
        },
        EventStorePromise("the first stream in the request's order whose expectation is wrong is the one that is named") { store async throws in
            let (first, second) = (stream(), stream())
            _ = try await store.append(request(to: second))
            let outcome = try await store.append(several([(["a"], first, .exactly(5)), (["b"], second, .none)]))
            #expect(outcome == .conflict(stream: first, actual: 0))
            #expect(try await store.append(several([(["b"], second, .none), (["a"], first, .exactly(5))])) == .conflict(stream: second, actual: 1))
        },
        EventStorePromise("of many requests that meet in one stream, one wins, and the others leave nothing in their other streams") {
            store async throws in
            let (shared, head) = (stream(), try await store.head())
            let others = (0..<20).map { _ in stream() }
            let requests = others.map { several([(["a"], $0, .none), (["b"], shared, .none)]) }
            let outcomes = try await outcomes(of: requests, in: store)
            #expect(outcomes.compactMap(\.appended).count == 1)
            #expect(outcomes.filter { $0 == .conflict(stream: shared, actual: 1) }.count == 19)
            #expect(try await store.head() == head + 2)
        },
        EventStorePromise("of many requests that meet in one stream and expect nothing of it, all win") { store async throws in
            let (shared, head) = (stream(), try await store.head())
            let requests = (0..<20).map { _ in several([(["a"], stream(), .none), (["b", "c"], shared, .any)]) }
            let outcomes = try await outcomes(of: requests, in: store)
            #expect(outcomes.compactMap(\.appended).count == 20)
            #expect(try await store.load(shared).events.map(\.version) == Array(1...40))
            #expect(try await store.head() == head + 60)
        },
        EventStorePromise("the claims of a request for several streams are its first stream's") { store async throws in
            let (first, second, value) = (stream(), stream(), UUID.v7().lowercased)
            let both = several([(["a"], first, .none), (["b"], second, .none)], claims: [.take(slug, value: value)])
            #expect(try await store.append(both).appended != nil)
            #expect(try await store.holder(of: slug, value: value) == first)
            #expect(
                try await store.append(several([(["c"], second, .any), (["d"], first, .any)], claims: [.take(slug, value: value)]))
                    == .claimTaken(slug))
            #expect(try await store.append(several([(["c"], second, .any), (["d"], first, .any)], claims: [.release(slug)])).appended != nil)
            #expect(try await store.holder(of: slug, value: value) == first)
            #expect(try await store.append(several([(["c"], first, .any), (["d"], second, .any)], claims: [.release(slug)])).appended != nil)
            #expect(try await store.holder(of: slug, value: value) == nil)
        },
        EventStorePromise("a missing or taken claim refuses a request in all its streams, and its other claims") { store async throws in
            let (holder, first, second) = (stream(), stream(), stream())
            let (taken, free) = (UUID.v7().lowercased, UUID.v7().lowercased)
            _ = try await store.append(request(to: holder, claims: [.take(slug, value: taken)]))
            let head = try await store.head()
            let parts = [(["a"], first, ExpectedVersion.none), (["b"], second, .none)]
            let required = ClaimChange.require(active, holder: holder)
            #expect(
                try await store.append(several(parts, claims: [.take(active, value: free), required])) == .claimMissing(active, holder: holder))
            #expect(try await store.append(several(parts, claims: [.take(active, value: free), .take(slug, value: taken)])) == .claimTaken(slug))
            #expect(try await store.holder(of: active, value: free) == nil)
            #expect(try await store.head() == head)
            _ = try await store.append(request(to: holder, claims: [.take(active, value: free)]))
            #expect(try await store.append(several(parts, claims: [required])).appended != nil)
        },
        EventStorePromise("a wrong expectation is told before a claim that is taken") { store async throws in
            let (holder, other, value) = (stream(), stream(), UUID.v7().lowercased)
            _ = try await store.append(request(to: holder, claims: [.take(slug, value: value)]))
            let refused = several([(["a"], other, .none), (["b"], holder, .none)], claims: [.take(slug, value: value)])
            #expect(try await store.append(refused) == .conflict(stream: holder, actual: 1))
        },
        EventStorePromise("of a stream given up and taken at once by requests for several, never two hold a value") { store async throws in
            let (shared, value) = (stream(), UUID.v7().lowercased)
            let takers = (0..<20).map { _ in stream() }
            let requests = takers.map { several([(["a"], $0, .none), (["b"], shared, .any)], claims: [.take(slug, value: value)]) }
            let outcomes = try await outcomes(of: requests, in: store)
            #expect(outcomes.compactMap(\.appended).map(\.stream) == [try await store.holder(of: slug, value: value)])
            #expect(outcomes.filter { $0 == .claimTaken(slug) }.count == 19)
            #expect(try await store.load(shared).events.count == 1)
        },
        EventStorePromise("a request may leave some of its streams, or all, as they are") { store async throws in
            let (changed, looked, head) = (stream(), stream(), try await store.head())
            _ = try await store.append(request(["a", "b"], to: looked))
            let receipt = try #require(try await store.append(several([([], looked, .exactly(2)), (["c"], changed, .none)])).appended)
            #expect(receipt.stream == looked)
            #expect(receipt.version == 2)
            #expect(receipt.firstPosition == head + 3)
            #expect(receipt.lastPosition == head + 3)
            #expect(try await store.append(several([([], looked, .exactly(1)), (["d"], changed, .any)])) == .conflict(stream: looked, actual: 2))
            let nothing = try #require(try await store.append(several([([], changed, .exactly(1)), ([], looked, .any)])).appended)
            #expect(nothing.version == 1)
            #expect(nothing.firstPosition == nil)
            #expect(nothing.lastPosition == head + 3)
            #expect(try await store.head() == head + 3)
        },
        EventStorePromise("a request without events for a stream that is not there is at 0, and changes claims") { store async throws in
            let (stream, value) = (stream(), UUID.v7().lowercased)
            let receipt = try #require(
                try await store.append(request([], to: stream, expecting: .none, claims: [.take(slug, value: value)])).appended)
            #expect(receipt.version == 0)
            #expect(receipt.firstPosition == nil)
            #expect(receipt.lastPosition == 0)
            #expect(try await store.holder(of: slug, value: value) == stream)
            #expect(try await store.append(request(to: stream, expecting: .none)).appended?.version == 1)
        },
        EventStorePromise(
            "requests about no stream, a stream twice, a claim twice or a version below zero are refused as broken, and nothing of them stays"
        ) { store async throws in
            let (stream, head) = (stream(), try await store.head())
            let part = (["a"], stream, ExpectedVersion.any)
            let twice: [[ClaimChange]] = [
                [.take(slug, value: "a"), .take(slug, value: "b")], [.take(slug, value: "a"), .release(slug)], [.release(slug), .release(slug)],
            ]
            let negative = [-1, .min].map { several([(["a"], stream, ExpectedVersion.exactly($0))]) }
            for request in [several([]), several([part, part])] + negative + twice.map({ several([part], claims: $0) }) {
                await #expect(throws: EventStoreError.self) { try await store.append(request) }
            }
            #expect(try await store.head() == head)
        },
    ]

    private static func several(
        _ parts: [(texts: [String], stream: StreamName, expected: ExpectedVersion)], claims: [ClaimChange] = [],
        command: CommandReceipt.Key = .unrepeated()
    ) -> AppendRequest {
        AppendRequest(
            parts.map { StreamAppend(notes($0.texts), to: $0.stream, expecting: $0.expected, sealedFor: nil) }, claims: claims, command: command,
            metadata: EventMetadata(command: command.id))
    }
}
