import EventSourcing
import JSON
import Logging
import Synchronization
import TestSupport
import Testing

@testable import BlogImport

@Suite(.timeLimit(.minutes(5))) struct `A request to a system that is away` {
    private struct Refused: Error {}
    private let request = APIRequest(.get, "/api/v1/posts/by-slug/a", as: .operatorAdmin)
    private static let found = APIResponse(status: 200, body: nil)

    private final class Counter: Sendable {
        let value = Mutex(0)
        func next() -> Int {
            value.withLock { value in
                defer { value += 1 }
                return value
            }
        }
    }

    private func client(_ clock: ManualClock, _ answer: @escaping @Sendable (Int) throws -> APIResponse) -> APIClient {
        let count = Counter()
        return APIClient(tokens: { _ in "t" }, send: { _, _ in try answer(count.next()) }, clock: clock, logger: Logger(label: "test"))
    }

    @Test(arguments: [429, 502, 503, 504]) func `is repeated until it is answered`(status: Int) async throws {
        let clock = ManualClock()
        let client = client(clock) { $0 < 5 ? APIResponse(status: status, body: nil) : Self.found }
        #expect(try await client.answer(to: request).status == 200)
        #expect(clock.sleeps.count == 5)
    }

    @Test func `is repeated when the connection is lost, with growing pauses`() async throws {
        let clock = ManualClock()
        let client = client(clock) { if $0 < 8 { throw Refused() } else { Self.found } }
        #expect(try await client.answer(to: request).status == 200)
        #expect(clock.sleeps.allSatisfy { $0 >= .milliseconds(50) && $0 <= .seconds(5) })
        #expect(clock.sleeps[7] > clock.sleeps[0])
    }

    @Test func `waits as long as the system asks`() async throws {
        let clock = ManualClock()
        let client = client(clock) { $0 == 0 ? APIResponse(status: 503, body: nil, retryAfter: .seconds(11)) : Self.found }
        _ = try await client.answer(to: request)
        #expect(clock.sleeps == [.seconds(11)])
    }

    @Test func `is given up after a minute`() async throws {
        let clock = ManualClock()
        let client = client(clock) { _ in throw Refused() }
        await #expect(throws: ImportStopped.unreachable(reason: "Refused()", after: .seconds(60))) { try await client.answer(to: request) }
        #expect(clock.now.offset <= .seconds(60))
        #expect(clock.now.offset > .seconds(50))
    }

    @Test(arguments: [400, 403, 404, 409, 412, 422, 500]) func `is not repeated when the answer is final`(status: Int) async throws {
        let clock = ManualClock()
        let client = client(clock) { _ in APIResponse(status: status, body: nil) }
        #expect(try await client.answer(to: request).status == status)
        #expect(clock.sleeps.isEmpty)
    }

    @Test func `ends the import when the token is not accepted`() async throws {
        let client = client(ManualClock()) { _ in APIResponse(status: 401, body: .object(["code": .string("UNAUTHENTICATED")])) }
        await #expect(throws: ImportStopped.tokenRefused("401 UNAUTHENTICATED")) { try await client.answer(to: request) }
    }
}
