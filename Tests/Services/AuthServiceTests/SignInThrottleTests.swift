import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Testing

@testable import AuthService

private let home = "192.0.2.1"
private let wrong = "a wrong password"

@Suite(.timeLimit(.minutes(5))) struct `Guessing a password` {
    @Test(arguments: ["ann@example.org", "nobody@example.org"]) func `is slowed down by account, known or not`(email: String) async throws {
        try await withAnn { world, service in
            for number in 0..<5 { #expect(try await service.logIn(email, password: wrong, from: "198.51.100.\(number)").status == .unauthorized) }
            for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
                let reply = try await service.logIn(email, password: wrong, from: "203.0.113.7")
                #expect(reply.status == .tooManyRequests && reply.code == "RATE_LIMITED")
                #expect(reply.headers[.retryAfter] == "\(pause)")
                #expect(reply.headers[.rateLimitPolicy] == "\"wrong-password\";q=5")
                #expect(reply.headers[.rateLimit] == "\"wrong-password\";r=0;t=\(pause)")
                world.clock.advance(by: .seconds(pause))
                #expect(try await service.logIn(email, password: wrong, from: "203.0.113.\(pause)").status == .unauthorized)
            }
        }
    }

    @Test func `is slowed down by address, whatever the account`() async throws {
        try await withAnn { world, service async throws in
            for number in 0..<20 {
                #expect(try await service.logIn("user\(number)@example.org", password: wrong, from: home).status == .unauthorized)
            }
            #expect(try await service.logIn("another@example.org", password: wrong, from: home).status == .tooManyRequests)
            #expect(try await service.logIn(from: home).status == .tooManyRequests)
            #expect(try await service.logIn(from: "192.0.2.2").status == .ok)
            world.clock.advance(by: .seconds(1))
            // A success lets others behind the same address go on, and forgets nothing.
            #expect(try await service.logIn(from: home).status == .ok)
            #expect(try await service.logIn(from: home).status == .ok)
            #expect(try await service.logIn("another@example.org", password: wrong, from: home).status == .unauthorized)
            #expect(try await service.logIn("a.third@example.org", from: home).headers[.retryAfter] == "2")
        }
    }

    @Test func `by address is forgiven one by one, as those who share it forget their passwords all the time`() async throws {
        try await withAnn { world, service async throws in
            func guess(_ number: Int) async throws -> HTTPResponse.Status {
                try await service.logIn("user\(number)@example.org", password: wrong, from: home).status
            }
            for number in 0..<20 { #expect(try await guess(number) == .unauthorized) }
            for number in 20..<60 {
                world.clock.advance(by: .seconds(45))
                #expect(try await guess(number) == .unauthorized)
                #expect(try await guess(number) == .tooManyRequests)
            }
        }
    }

    @Test func `is slowed down for no longer though the clock has gone back`() async throws {
        try await withAnn { world, service async throws in
            for _ in 0..<5 { #expect(try await service.logIn(password: wrong, from: home).status == .unauthorized) }
            #expect(try await service.logIn(from: home).headers[.retryAfter] == "1")
            world.clock.setBack(by: .seconds(7200))
            #expect(try await service.logIn(from: home).headers[.retryAfter] == "1")
            world.clock.advance(by: .seconds(1))
            #expect(try await service.logIn(from: home).status == .ok)
        }
    }

    @Test func `with a right password in between starts anew for the account`() async throws {
        try await withAnn { world, service async throws in
            for _ in 0..<3 {
                for _ in 0..<4 { #expect(try await service.logIn(password: wrong).status == .unauthorized) }
                #expect(try await service.logIn().status == .ok)
            }
        }
    }

    @Test func `does not lock the owner out where they have signed in before`() async throws {
        try await withAnn { world, service in
            #expect(try await service.logIn(from: home).status == .ok)
            let elsewhere = world.service()
            for number in 0..<5 { _ = try await elsewhere.logIn(password: wrong, from: "198.51.100.\(number)") }
            #expect(try await elsewhere.logIn(from: "198.51.100.9").status == .tooManyRequests)
            // Another process than the one that saw them before: the database knows.
            #expect(try await elsewhere.logIn(from: home).status == .ok)
            // Nor does that open the door to strangers.
            #expect(try await elsewhere.logIn(from: "198.51.100.9").status == .tooManyRequests)
        }
    }

    @Test func `by neighbours behind the owner's address does not lock the owner out there`() async throws {
        try await withAnn { world, service in
            #expect(try await service.logIn(from: home).status == .ok)
            for number in 0..<20 { _ = try await service.logIn("user\(number)@example.org", password: wrong, from: home) }
            #expect(try await service.logIn("another@example.org", from: home).status == .tooManyRequests)
            #expect(try await service.logIn(from: home).status == .ok)
            #expect(try await service.logIn("another@example.org", from: home).status == .tooManyRequests)
        }
    }

    @Test func `is slowed down where the owner has signed in before, too`() async throws {
        try await withAnn { world, service in
            #expect(try await service.logIn(from: home).status == .ok)
            for number in 0..<5 { _ = try await service.logIn(password: wrong, from: "198.51.100.\(number)") }
            for _ in 0..<5 { #expect(try await service.logIn(password: wrong, from: home).status == .unauthorized) }
            #expect(try await service.logIn(from: home).status == .tooManyRequests)
        }
    }

    @Test func `never keeps anybody out for longer than a minute, and is forgotten after a quarter of an hour`() async throws {
        try await withAnn { world, service in
            for number in 0..<40 {
                let reply = try await service.logIn(password: wrong, from: "198.51.100.\(number)")
                world.clock.advance(by: .seconds(reply.headers[.retryAfter].flatMap { Int($0) } ?? 0))
            }
            world.clock.advance(by: .seconds(60))
            #expect(try await service.logIn(from: "203.0.113.1").status == .ok)
            for _ in 0..<5 { _ = try await service.logIn(password: wrong) }
            #expect(try await service.logIn().status == .tooManyRequests)
            world.clock.advance(by: .seconds(900))
            for _ in 0..<4 { #expect(try await service.logIn(password: wrong).status == .unauthorized) }
        }
    }

    @Test func `by many at once lets one through once the free tries are used up`() async throws {
        try await withAnn { world, service in
            for _ in 0..<6 {
                _ = try await service.logIn(password: wrong)
                world.clock.advance(by: .seconds(1))
            }
            world.clock.advance(by: .seconds(2))
            let statuses = try await statuses(32) { _ in try await service.logIn(password: wrong) }
            #expect(statuses == [401: 1, 429: 31])
        }
    }

    @Test func `by many at once has no more free tries than one after the other`() async throws {
        try await withAnn { world, service in
            let byAccount = try await statuses(32) { _ in try await service.logIn(password: wrong) }
            #expect(byAccount == [401: 5, 429: 27])
            let byAddress = try await statuses(32) { try await service.logIn("user\($0)@example.org", password: wrong, from: home) }
            #expect(byAddress == [401: 20, 429: 12])
        }
    }

    private func statuses(_ count: Int, _ call: @Sendable @escaping (Int) async throws -> Reply) async throws -> [Int: Int] {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<count { group.addTask { try await call(number).status.code } }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    private func withAnn(_ body: @Sendable @escaping (World, Auth) async throws -> Void) async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            try await body(world, service)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The memory of failures` {
    @Test func `holds no more than its capacity of a million addresses`() async {
        var table = FailureTable(ThrottlePolicy(free: 1), capacity: 1000)
        let now = ContinuousClock.now
        for number in 0..<1_000_000 {
            table.fail("10.\(number)", at: now)
            // Tests that wait for something have their turn.
            if number % 10_000 == 0 { await Task.yield() }
        }
        #expect(table.count == 1000)
    }

    @Test func `is bounded for accounts and addresses alike`() async throws {
        var settings = AuthSettings()
        settings.throttleCapacity = 100
        let throttle = SignInThrottle(settings)
        for number in 0..<2000 {
            let claimant = SignInThrottle.Claimant(account: Array("\(number)".utf8), address: "10.0.\(number >> 8).\(number & 0xFF)")
            let user = try await throttle.attempt(claimant) { nil as Int? }
            #expect(user == nil)
        }
        #expect(throttle.count == 200)
    }

    @Test func `lets those go first that failed longest ago`() {
        var table = FailureTable(ThrottlePolicy(free: 1), capacity: 2)
        let now = ContinuousClock.now
        for key in ["a", "b", "a", "c"] { table.fail(key, at: now) }
        #expect(table.wait("a", at: now) != nil && table.wait("c", at: now) != nil)
        #expect(table.wait("b", at: now) == nil)
    }

    @Test func `is not flushed by tries that never come to an end`() {
        var table = FailureTable(ThrottlePolicy(free: 1), capacity: 2)
        let now = ContinuousClock.now
        table.fail("a", at: now)
        for number in 0..<1000 { table.begin("\(number)") }
        #expect(table.wait("a", at: now) != nil)
        #expect(table.wait("7", at: now) != nil)
    }

    @Test func `forgives one failure each time, and keeps the time towards the next`() {
        var table = FailureTable(ThrottlePolicy(free: 2, forgiveness: .seconds(45)), capacity: 2)
        let start = ContinuousClock.now
        func at(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }
        table.fail("a", at: at(0))
        table.fail("a", at: at(30))
        #expect(table.wait("a", at: at(30)) == at(31))
        table.fail("a", at: at(50))
        // Of three one is forgiven at 45, the next at 90: a fourth at 91 is the second that is left.
        table.fail("a", at: at(91))
        #expect(table.wait("a", at: at(91)) == at(92))
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Whoever signs in` {
    private func origin(_ address: String?) -> String? { SignInThrottle.Claimant(account: [1], address: address).origin }

    @Test func `comes from an IPv4 address or the half of an IPv6 one that a household has`() {
        #expect(origin("192.0.2.1") == origin("::ffff:192.0.2.1"))
        #expect(origin("2001:db8:1:2::1") == origin("2001:db8:1:2:ffff::9%x"))
        #expect(origin("2001:db8:1:2::1") != origin("2001:db8:1:3::1"))
        #expect(origin(nil) == nil)
    }

    @Test func `comes from something short, whatever stands in its place`() {
        #expect(origin(String(repeating: "x", count: 1000))?.utf8.count == 45)
    }
}

extension FailureTable {
    fileprivate mutating func fail(_ key: String, at time: ContinuousClock.Instant) {
        begin(key)
        end(key, .failed, at: time)
    }
}
