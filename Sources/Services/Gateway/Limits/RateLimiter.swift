import FoundationEssentials
import HTTPContract
import HTTPTypes
import Synchronization

/// Token buckets of one limit: `count` calls at once, then one every `window / count`. Written as the equivalent virtual scheduling (GCRA, ITU-T
/// I.371 §A), in which a bucket is one moment.
final class RateLimiter: Sendable {
    /// The outcome of taking a call, as its caller is told.
    struct Verdict: Equatable {
        let isAllowed: Bool
        /// Calls that could follow at once.
        let remaining: Int
        /// Seconds until one more call than these is admitted; 0 when the bucket is full.
        let nextIn: Int
    }

    /// The policy's name, as clients see it.
    private let name: String
    private let limit: RateLimit
    /// Nanoseconds in which one call comes back.
    private let interval: UInt64
    private let burst: UInt64
    private let table: Mutex<BucketTable>
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - capacity: how many callers are remembered; 32 bytes each, taken at once.
    ///   - now: nanoseconds of a clock that only goes forward.
    init(_ name: String, _ limit: RateLimit, capacity: Int = 65_536, now: @escaping @Sendable () -> UInt64) {
        self.name = name
        self.limit = limit
        interval = max(1, UInt64(limit.window / .nanoseconds(1)) / UInt64(limit.count))
        burst = interval * UInt64(limit.count)
        table = Mutex(BucketTable(capacity: capacity))
        self.now = now
    }

    /// Takes one call out of the caller's bucket, if there is one in it.
    func take(_ key: BucketKey) -> Verdict {
        let time = now()
        return table.withLock { table in
            let before = max(table.fullAt(key), time)
            let after = before + interval
            let isAllowed = after - time <= burst
            if isAllowed { table.keep(key, fullAt: after) }
            let owed = (isAllowed ? after : before) - time
            let remaining = (burst - owed) / interval
            let next = owed == 0 ? 0 : owed - (burst - (remaining + 1) * interval)
            return Verdict(isAllowed: isAllowed, remaining: Int(remaining), nextIn: Self.seconds(next))
        }
    }

    /// Takes a call back, as if it had never been made.
    func giveBack(_ key: BucketKey) {
        table.withLock { table in
            let fullAt = table.fullAt(key)
            if fullAt >= interval { table.keep(key, fullAt: fullAt - interval) }
        }
    }

    /// The same as headers (draft-ietf-httpapi-ratelimit-headers-11), or 429.
    func charge(_ key: BucketKey) throws(Problem) -> HTTPFields {
        let verdict = take(key)
        let headers: HTTPFields = [
            .rateLimitPolicy: "\"\(name)\";q=\(limit.count);w=\(limit.window.components.seconds)",
            .rateLimit: "\"\(name)\";r=\(verdict.remaining);t=\(verdict.nextIn)",
        ]
        guard verdict.isAllowed else { throw .rateLimited(policy: name, retryAfter: verdict.nextIn, headers: headers) }
        return headers
    }

    /// Rounded up: a caller who comes back then is admitted.
    private static func seconds(_ nanoseconds: UInt64) -> Int { Int((nanoseconds + 999_999_999) / 1_000_000_000) }
}

/// So many calls in so much time, such as 100 in 60 s.
package struct RateLimit: Sendable, Equatable {
    package let count: Int
    package let window: Duration

    /// - Parameters:
    ///   - count: 1 to 1,000,000.
    ///   - window: a second to a day.
    package init?(_ count: Int, in window: Duration) {
        guard 1...1_000_000 ~= count, Duration.seconds(1) <= window, window <= .seconds(86_400) else { return nil }
        self.count = count
        self.window = window
    }

    /// Reads `100/60s`; the unit is `s`, `m` or `h`.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), let unit = parts[1].last, let amount = Int64(parts[1].dropLast()) else { return nil }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600]
        guard let seconds = units[unit], 1...86_400 ~= amount else { return nil }
        self.init(count, in: .seconds(amount * seconds))
    }
}

extension RateLimit: CustomStringConvertible {
    package var description: String { "\(count)/\(window.components.seconds)s" }
}

/// Token buckets of a bounded number of callers, in memory that is taken once and never grows.
///
/// A bucket is one number: when it will be full again. A full bucket is the same as none, so nothing needs a sweep: its place is free. Places are
/// found as in a processor's cache: a keyed hash chooses a set of eight, in which the caller is looked for. When all eight are taken, the one that is
/// full soonest gives way, since forgetting it gives its caller the least. Each operation looks at eight places, whatever the table holds.
struct BucketTable {
    private struct Place {
        var key = BucketKey.unknown
        /// In nanoseconds of a clock that only goes forward; 0 for a place never used.
        var fullAt: UInt64 = 0
    }

    private static let places = 8
    private var table: [Place]
    private let mask: Int

    /// - Parameter capacity: rounded up to a power of two, eight at least.
    init(capacity: Int) {
        var sets = 1
        while sets * Self.places < capacity { sets *= 2 }
        mask = sets - 1
        table = Array(repeating: Place(), count: sets * Self.places)
    }

    /// How many callers can be kept.
    var capacity: Int { table.count }

    /// When the caller's bucket is full again; 0 when nothing is known of it.
    func fullAt(_ key: BucketKey) -> UInt64 {
        for index in set(of: key) where table[index].key == key { return table[index].fullAt }
        return 0
    }

    mutating func keep(_ key: BucketKey, fullAt: UInt64) {
        let set = set(of: key)
        var chosen = set.lowerBound
        for index in set {
            if table[index].key == key {
                chosen = index
                break
            }
            if table[index].fullAt < table[chosen].fullAt { chosen = index }
        }
        table[chosen] = Place(key: key, fullAt: fullAt)
    }

    /// Swift's hash has a key of this process, so nobody outside can choose an address that shares a set with another.
    private func set(of key: BucketKey) -> Range<Int> {
        let first = (key.hashValue & mask) * Self.places
        return first..<first + Self.places
    }
}

/// The owner of a bucket.
struct BucketKey: Hashable, Sendable {
    enum Kind: UInt8, Sendable {
        case user
        case address
        /// Callers without an address, as on a unix socket, share one bucket.
        case unknown
    }

    let kind: Kind
    let high: UInt64
    let low: UInt64

    static let unknown = BucketKey(kind: .unknown, high: 0, low: 0)

    static func user(_ id: UUID) -> BucketKey {
        withUnsafeBytes(of: id.uuid) { bytes in
            BucketKey(kind: .user, high: bytes.loadUnaligned(as: UInt64.self), low: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
    }

    /// The bucket of everyone who shares the address's network.
    static func address(_ text: String?) -> BucketKey {
        guard let network = text.flatMap({ NetworkAddress($0) })?.network else { return .unknown }
        return BucketKey(kind: .address, high: network.high, low: network.low)
    }
}
