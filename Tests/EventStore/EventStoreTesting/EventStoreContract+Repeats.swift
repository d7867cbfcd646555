import EventSourcing
import FoundationEssentials
import Testing

extension EventStoreContract {
    static let repeatPromises = [
        EventStorePromise("a command repeated gets its receipt again, before versions and claims are looked at") { store async throws in
            let (stream, claim) = (stream(), ClaimKind(rawValue: "slug"))
            let key = CommandReceipt.Key(id: .v7(), digest: [1])
            let value = UUID.v7().lowercased
            let taking = request(to: stream, expecting: .none, claims: [.take(claim, value: value)], command: key)
            let receipt = try #require(try await store.append(taking).appended)
            #expect(receipt.key == key)
            _ = try await store.append(request(to: stream, claims: [.release(claim)]))
            _ = try await store.append(request(to: Self.stream(), claims: [.take(claim, value: value)]))
            #expect(try await store.append(taking) == .alreadyAppended(receipt))
            #expect(try await store.load(stream).events.count == 2)
        },
        EventStorePromise("a command's key with another request gets the first receipt, with the first digest") { store async throws in
            let id = UUID.v7()
            let receipt = try #require(try await store.append(request(to: stream(), command: .init(id: id, digest: [1]))).appended)
            let outcome = try await store.append(request(to: stream(), command: .init(id: id, digest: [2])))
            #expect(outcome == .alreadyAppended(receipt))
            #expect(receipt.key.digest == [1])
        },
        EventStorePromise("a command sent many times at once is taken once") { store async throws in
            let stream = stream()
            let sent = request(to: stream, command: .init(id: .v7(), digest: [1]))
            let outcomes = try await outcomes(of: Array(repeating: sent, count: 20), in: store)
            let receipt = try #require(outcomes.compactMap(\.appended).first)
            #expect(outcomes.compactMap(\.appended).count == 1)
            #expect(outcomes.filter { $0 == .alreadyAppended(receipt) }.count == 19)
            #expect(try await store.load(stream).events.count == 1)
        },
        EventStorePromise("a receipt is found with the stream it is asked of, whichever that is") { store async throws in
            let stream = stream()
            let key = CommandReceipt.Key(id: .v7(), digest: [1])
            #expect(try await store.load(stream, command: key.id).receipt == nil)
            let receipt = try #require(try await store.append(request(to: stream, command: key)).appended)
            #expect(try await store.load(stream, command: key.id).receipt == receipt)
            #expect(try await store.load(Self.stream(), command: key.id).receipt == receipt)
            #expect(try await store.load(stream, command: .v7()).receipt == nil)
        },
        EventStorePromise("a command that nobody can name is a conflict when it is given again") { store async throws in
            let stream = stream()
            let sent = request(to: stream, expecting: .none)
            #expect(try await store.append(sent).appended != nil)
            #expect(try await store.append(sent) == .conflict(stream: stream, actual: 1))
        },
        EventStorePromise("a command that changes nothing is remembered too") { store async throws in
            let stream = stream()
            let last = try #require(try await store.append(request(["a", "b"], to: stream)).appended)
            let unchanging = request([], to: stream, expecting: .exactly(2), command: .init(id: .v7(), digest: [1]))
            let head = try await store.head()
            let receipt = try #require(try await store.append(unchanging).appended)
            #expect(receipt.version == 2)
            #expect(receipt.firstPosition == nil)
            #expect(receipt.lastPosition == last.lastPosition)
            #expect(try await store.head() == head)
            _ = try await store.append(request(to: stream))
            #expect(try await store.append(unchanging) == .alreadyAppended(receipt))
        },
        EventStorePromise("a command that changes nothing still expects its version") { store async throws in
            let stream = stream()
            _ = try await store.append(request(to: stream))
            #expect(try await store.append(request([], to: stream, expecting: .exactly(7))) == .conflict(stream: stream, actual: 1))
        },
    ]
}
