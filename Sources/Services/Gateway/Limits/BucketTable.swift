/// The bucket of one caller.
struct Bucket {
    /// When it is full again, in nanoseconds of a clock that only goes forward. Before that moment the caller owes something.
    var fullAt: UInt64 = 0
    /// When Redis said so; 0 for never. The rest is of use with Redis only.
    var answeredAt: UInt64 = 0
    /// Which connection to Redis that was.
    var epoch: UInt16 = 0
    /// Calls that Redis has charged and that nobody has made yet.
    var leased: UInt16 = 0
    /// How often in quick succession Redis was asked.
    var asks: UInt8 = 0
    /// Redis is asked for several calls at the moment.
    var isLeasing = false
}

/// The buckets of a bounded number of callers, in memory that is taken once and never grows.
///
/// A full bucket is the same as none, so nothing needs a sweep: its place is free. Places are found as in a processor's cache: a keyed hash chooses a
/// set of eight, in which the caller is looked for. When all eight are taken, the one that is full soonest gives way, since forgetting it gives its
/// caller the least. Each operation looks at eight places, whatever the table holds.
struct BucketTable {
    private struct Place {
        var key = BucketKey.unknown
        var bucket = Bucket()
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

    /// The caller's bucket; a full one when nothing is known of it.
    subscript(_ key: BucketKey) -> Bucket {
        get {
            for index in set(of: key) where table[index].key == key { return table[index].bucket }
            return Bucket()
        }
        set {
            let set = set(of: key)
            var chosen = set.lowerBound
            for index in set {
                if table[index].key == key {
                    chosen = index
                    break
                }
                if table[index].bucket.fullAt < table[chosen].bucket.fullAt { chosen = index }
            }
            table[chosen] = Place(key: key, bucket: newValue)
        }
    }

    /// Swift's hash has a key of this process, so nobody outside can choose an address that shares a set with another.
    private func set(of key: BucketKey) -> Range<Int> {
        let first = (key.hashValue & mask) * Self.places
        return first..<first + Self.places
    }
}
