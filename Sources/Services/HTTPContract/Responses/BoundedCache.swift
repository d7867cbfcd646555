/// Entries of so many bytes together; those that nobody asks for go first.
///
/// Two halves: when the younger is full, the older one is dropped, and an entry of the older that is asked for moves to the younger. So what is asked
/// for stays, and nothing is sorted. Each operation is O(1) on average.
package struct BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let size: Int
    }

    private let capacity: Int
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private var youngBytes = 0

    package init(bytes capacity: Int) { self.capacity = capacity }

    /// The bytes that are kept. O(n).
    package var bytes: Int { (young.values.map(\.size) + old.values.map(\.size)).reduce(0, +) }

    package mutating func value(for key: Key) -> Value? {
        if let entry = young[key] { return entry.value }
        guard let entry = old.removeValue(forKey: key) else { return nil }
        insert(entry, for: key)
        return entry.value
    }

    /// - Parameter size: of key and value, in bytes. An entry of more than half the capacity is not kept.
    package mutating func keep(_ value: Value, size: Int, for key: Key) {
        remove(key)
        guard size <= capacity / 2 else { return }
        insert(Entry(value: value, size: size), for: key)
    }

    package mutating func remove(_ key: Key) {
        if let entry = young.removeValue(forKey: key) { youngBytes -= entry.size }
        old[key] = nil
    }

    /// O(n).
    package mutating func removeAll(where isOutdated: (Value) -> Bool) {
        young = young.filter { !isOutdated($0.value.value) }
        old = old.filter { !isOutdated($0.value.value) }
        youngBytes = young.values.reduce(0) { $0 + $1.size }
    }

    private mutating func insert(_ entry: Entry, for key: Key) {
        if youngBytes + entry.size > capacity / 2 {
            old = young
            young = [:]
            youngBytes = 0
        }
        young[key] = entry
        youngBytes += entry.size
    }
}
