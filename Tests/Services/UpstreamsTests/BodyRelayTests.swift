import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Upstreams

@Suite(.timeLimit(.minutes(5))) struct `A large body on its way to a service` {
    /// A body of so many parts, which counts those that were read.
    private final class Parts: AsyncSequence, Sendable {
        typealias Element = ByteBuffer
        typealias Failure = any Error

        let count: Int
        private let taken = Atomic(0)

        init(_ count: Int) { self.count = count }

        var read: Int { taken.load(ordering: .sequentiallyConsistent) }

        struct AsyncIterator: AsyncIteratorProtocol {
            let parts: Parts

            mutating func next() async throws -> ByteBuffer? {
                let number = parts.taken.add(1, ordering: .sequentiallyConsistent).newValue
                return number > parts.count ? nil : ByteBuffer(string: "\(number)")
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(parts: self) }
    }

    @Test func `is read part by part, as they are taken`() async throws {
        let (relay, parts) = (BodyRelay(), Parts(100))
        async let relayed: Void = relay.relay(parts)
        var taken = 0
        for try await part in relay {
            taken += 1
            #expect(String(buffer: part) == "\(taken)")
            #expect(parts.read <= taken + 1)
        }
        await relayed
        #expect(taken == 100)
    }

    @Test func `is not touched before somebody asks for it`() async throws {
        let (relay, parts) = (BodyRelay(), Parts(100))
        async let relayed: Void = relay.relay(parts)
        relay.close()
        await relayed
        #expect(parts.read == 0)
    }

    @Test func `is read to its end when nobody wants the rest`() async throws {
        let (relay, parts) = (BodyRelay(), Parts(100))
        async let relayed: Void = relay.relay(parts)
        for try await _ in relay { break }
        relay.close()
        await relayed
        #expect(parts.read == 101)
    }
}
