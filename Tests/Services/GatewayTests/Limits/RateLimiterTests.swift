import EventSourcing
import FoundationEssentials
import HTTPContract
import Synchronization
import Testing

@testable import Gateway

/// A clock that stands still until it is moved.
final class HandClock: Sendable {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000_000)

    var reading: @Sendable () -> UInt64 { { self.nanoseconds.load(ordering: .relaxed) } }

    func advance(_ duration: Duration) {
        nanoseconds.add(UInt64(duration / .nanoseconds(1)), ordering: .relaxed)
    }
}

@Suite struct `A rate limit` {
    private let clock = HandClock()

    private func limiter(_ count: Int, in window: Duration = .seconds(60), capacity: Int = 1024) throws -> RateLimiter {
        RateLimiter("default", try #require(RateLimit(count, in: window)), capacity: capacity, now: clock.reading)
    }

    @Test func `lets so many calls through at once, and then one each time one has come back`() throws {
        let limiter = try limiter(100)
        let ann = BucketKey.user(.v7())
        #expect(limiter.take(ann) == .init(isAllowed: true, remaining: 99, nextIn: 1))
        for _ in 2...99 { #expect(limiter.take(ann).isAllowed) }
        #expect(limiter.take(ann) == .init(isAllowed: true, remaining: 0, nextIn: 1))
        #expect(limiter.take(ann) == .init(isAllowed: false, remaining: 0, nextIn: 1))
        clock.advance(.milliseconds(599))
        #expect(!limiter.take(ann).isAllowed)
        clock.advance(.milliseconds(1))
        #expect(limiter.take(ann).isAllowed)
        #expect(!limiter.take(ann).isAllowed)
    }

    @Test func `is whole again after its window, and never more than whole`() throws {
        let limiter = try limiter(3)
        let ann = BucketKey.user(.v7())
        for _ in 1...3 { #expect(limiter.take(ann).isAllowed) }
        for wait in [Duration.seconds(60), .seconds(86_400)] {
            clock.advance(wait)
            for _ in 1...3 { #expect(limiter.take(ann).isAllowed) }
            #expect(limiter.take(ann) == .init(isAllowed: false, remaining: 0, nextIn: 20))
        }
    }

    @Test func `says truly when to come back`() throws {
        let limiter = try limiter(7, in: .seconds(10))
        let ann = BucketKey.user(.v7())
        while limiter.take(ann).isAllowed {}
        let wait = limiter.take(ann).nextIn
        #expect(wait == 2)
        clock.advance(.seconds(wait))
        #expect(limiter.take(ann).isAllowed)
    }

    @Test func `counts each caller alone`() throws {
        let limiter = try limiter(1)
        let id = UUID.v7()
        for key in [BucketKey.user(id), .user(.v7()), .address("203.0.113.1"), .address("203.0.113.2"), .address("2001:db8::1"), .unknown] {
            #expect(limiter.take(key).isAllowed)
            #expect(!limiter.take(key).isAllowed)
        }
    }

    @Test func `remembers a busy caller through a million addresses, in memory that does not grow`() async throws {
        // The clock stands still: no bucket becomes free by itself, which is the worst case.
        let limiter = try limiter(100, capacity: 65_536)
        let busy = BucketKey.address("203.0.113.1")
        while limiter.take(busy).isAllowed {}
        var refused = 0
        for number in 0..<1_000_000 {
            if !limiter.take(BucketKey(kind: .address, high: UInt64(number), low: 0)).isAllowed { refused += 1 }
            // Tests that wait for something have their turn.
            if number % 10_000 == 0 { await Task.yield() }
        }
        #expect(refused == 0, "a newcomer is never refused")
        #expect(!limiter.take(busy).isAllowed)
    }

    @Test func `keeps as many callers as it has room for, whoever comes`() async {
        var table = BucketTable(capacity: 1000)
        #expect(table.capacity == 1024)
        for number in 0..<1_000_000 {
            table[BucketKey(kind: .address, high: UInt64(number), low: 0)] = Bucket(fullAt: UInt64(number + 1))
            if number % 10_000 == 0 { await Task.yield() }
        }
        let kept = (0..<1_000_000).filter { table[BucketKey(kind: .address, high: UInt64($0), low: 0)].fullAt > 0 }
        #expect(kept.count == table.capacity)
    }

    @Test func `forgets who owes the least first`() {
        var table = BucketTable(capacity: 8)
        func key(_ number: UInt64) -> BucketKey { BucketKey(kind: .address, high: number, low: 0) }
        for number in 1...8 as ClosedRange<UInt64> { table[key(number)] = Bucket(fullAt: 100 + number) }
        table[key(9)] = Bucket(fullAt: 50)
        #expect(table[key(1)].fullAt == 0 && table[key(9)].fullAt == 50)
        table[key(10)] = Bucket(fullAt: 40)
        #expect(table[key(9)].fullAt == 0)
        for number in 2...8 as ClosedRange<UInt64> { #expect(table[key(number)].fullAt == 100 + number) }
    }

    @Test(arguments: [
        ("100/60s", 100, 60), ("1/1s", 1, 1), ("5/2m", 5, 120), ("1000000/24h", 1_000_000, 86_400),
    ])
    func `is written as a count and a time`(row: (String, Int, Int)) throws {
        let limit = try #require(RateLimit(row.0))
        #expect(limit.count == row.1 && limit.window == .seconds(row.2))
        #expect(RateLimit("\(limit)") == limit)
    }

    @Test(arguments: [
        "", "100", "100/", "/60s", "100/60", "0/60s", "-1/60s", "100/0s", "100/-1s", "100/25h", "1/1d", "100/60s/1s", "1e3/60s", "1000001/1s",
    ])
    func `of another form is none`(text: String) {
        #expect(RateLimit(text) == nil)
    }
}

@Suite struct `An address` {
    @Test(arguments: [
        ("203.0.113.9", "::ffff:203.0.113.9", true), ("203.0.113.9", "203.0.113.10", false),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
        ("2001:0DB8:1:2::1", "2001:db8:1:2::9", true), ("fe80::1%eth0", "fe80::2", true), ("203.0.113.9", "2001:db8::1", false),
    ])
    func `shares its bucket with all of its network of 64 bits, and of version 4 with nobody`(row: (String, String, Bool)) {
        #expect((BucketKey.address(row.0) == BucketKey.address(row.1)) == row.2)
        #expect(BucketKey.address(row.0) != .unknown)
    }

    @Test(arguments: ["", "somewhere", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4:80", "[::1]", "::1::", "1.2.3.4\0", "0x1.2.3.4"])
    func `that is none has the bucket of the unknown`(text: String) {
        #expect(BucketKey.address(text) == .unknown)
        #expect(BucketKey.address(nil) == .unknown)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("192.168.1.7", "192.168.1.7", true), ("192.168.1.7", "192.168.1.8", false), ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false), ("::1", "::1", true), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "203.0.113.9", true), ("10.1.2.3/8", "10.9.9.9", true), ("2001:db8:1:2:3::/80", "2001:db8:1:2:3:9::1", true),
        ("2001:db8:1:2:3::/80", "2001:db8:1:2:4::1", false),
    ])
    func `lies in a block or not`(row: (String, String, Bool)) throws {
        let block = try #require(AddressBlock(row.0))
        #expect(block.contains(try #require(NetworkAddress(row.1))) == row.2)
    }

    @Test(arguments: ["", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "example.org", "/8", "10.0.0.0/ 8", "10.0.0.0/+8"])
    func `block of another form is none`(text: String) {
        #expect(AddressBlock(text) == nil)
    }
}
