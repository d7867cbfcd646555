import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import TestSupport
import Testing

@testable import AuthService

/// Timed, so in the long form only; the machine should do nothing else meanwhile.
@Suite(.serialized, .timeLimit(.minutes(5)), .enabled(if: ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1"))
struct `Finding out by the clock which emails are known` {
    @Test func `does not work at sign-in: of 200 tries each way the medians are within a tenth`() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        try await withWorld { world in
            let service = world.service(passwords: PasswordHasher()) {
                $0.accountBackoff.free = .max
                $0.addressBackoff.free = .max
            }
            _ = try await service.register()
            var random = SeededRandom(seed: seed)
            // Interleaved, so that whatever else happens on the machine happens to both.
            var tries = Array(repeating: "ann@example.org", count: 200) + (0..<200).map { "nobody\($0)@example.org" }
            tries.shuffle(using: &random)
            var times: [Bool: [Duration]] = [:]
            for email in tries {
                let start = ContinuousClock.now
                let reply = try await service.logIn(email, password: "a wrong password", from: "192.0.2.1")
                times[email == "ann@example.org", default: []].append(ContinuousClock.now - start)
                #expect(reply.status == .unauthorized)
            }
            let medians = times.mapValues { $0.sorted()[$0.count / 2] }
            let (known, unknown) = (try #require(medians[true]), try #require(medians[false]))
            print("known \(known), unknown \(unknown)")
            #expect(abs(known / unknown - 1) < 0.1, "known \(known), unknown \(unknown), seed \(seed)")
        }
    }
}
