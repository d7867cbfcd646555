import EventSourcing
import FoundationEssentials
import Testing

extension EventStoreContract {
    private static let slug = ClaimKind(rawValue: "slug")
    private static let email = ClaimKind(rawValue: "email")
    private static let active = ClaimKind(rawValue: "active")

    static let claimPromises = [
        EventStorePromise("a value that one stream holds is refused to others, of that kind") { store async throws in
            let (holder, other, value) = (stream(), stream(), UUID.v7().lowercased)
            #expect(try await store.append(request(to: holder, claims: [.take(slug, value: value)])).appended != nil)
            #expect(try await store.append(request(to: other, claims: [.take(slug, value: value)])) == .claimTaken(slug))
            #expect(try await store.load(other).events.isEmpty)
            #expect(try await store.append(request(to: other, claims: [.take(email, value: value)])).appended != nil)
        },
        EventStorePromise("a value may be taken again by its holder") { store async throws in
            let (stream, value) = (stream(), UUID.v7().lowercased)
            for _ in 0..<2 { #expect(try await store.append(request(to: stream, claims: [.take(slug, value: value)])).appended != nil) }
            #expect(try await store.append(request(to: Self.stream(), claims: [.take(slug, value: value)])) == .claimTaken(slug))
        },
        EventStorePromise("taking another value gives up the one before, and only of that kind") { store async throws in
            let (stream, old, new) = (stream(), UUID.v7().lowercased, UUID.v7().lowercased)
            _ = try await store.append(request(to: stream, claims: [.take(slug, value: old), .take(email, value: old)]))
            _ = try await store.append(request(to: stream, claims: [.take(slug, value: new)]))
            #expect(try await store.append(request(to: Self.stream(), claims: [.take(slug, value: new)])) == .claimTaken(slug))
            #expect(try await store.append(request(to: Self.stream(), claims: [.take(email, value: old)])) == .claimTaken(email))
            #expect(try await store.append(request(to: Self.stream(), claims: [.take(slug, value: old)])).appended != nil)
        },
        EventStorePromise("a released value is free, and releasing none is no error") { store async throws in
            let (stream, value) = (stream(), UUID.v7().lowercased)
            #expect(try await store.append(request(to: stream, claims: [.release(slug)])).appended != nil)
            _ = try await store.append(request(to: stream, claims: [.take(slug, value: value)]))
            _ = try await store.append(request(to: stream, claims: [.release(slug)]))
            #expect(try await store.append(request(to: Self.stream(), claims: [.take(slug, value: value)])).appended != nil)
        },
        EventStorePromise("a required claim must be held by the stream named") { store async throws in
            let (user, post) = (stream(), stream())
            let required = ClaimChange.require(active, holder: user)
            #expect(try await store.append(request(to: post, claims: [required])) == .claimMissing(active, holder: user))
            _ = try await store.append(request(to: user, claims: [.take(active, value: user.id.lowercased)]))
            #expect(try await store.append(request(to: post, claims: [required])).appended != nil)
            _ = try await store.append(request(to: user, claims: [.release(active)]))
            #expect(try await store.append(request(to: post, claims: [required])) == .claimMissing(active, holder: user))
        },
        EventStorePromise("what a request requires may be what it gives up, but not what it only then takes") { store async throws in
            let user = stream()
            let required = ClaimChange.require(active, holder: user)
            let taken = ClaimChange.take(active, value: user.id.lowercased)
            #expect(try await store.append(request(to: user, claims: [taken, required])) == .claimMissing(active, holder: user))
            _ = try await store.append(request(to: user, claims: [taken]))
            #expect(try await store.append(request(to: user, claims: [.release(active), required])).appended != nil)
        },
        EventStorePromise("of many that take one value at once, one wins") { store async throws in
            let value = UUID.v7().lowercased
            let outcomes = try await outcomes(of: (0..<20).map { _ in request(to: stream(), claims: [.take(slug, value: value)]) }, in: store)
            #expect(outcomes.compactMap(\.appended).count == 1)
            #expect(outcomes.filter { $0 == .claimTaken(slug) }.count == 19)
        },
    ]
}
