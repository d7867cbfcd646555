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
