/// Entries of so many bytes together; those that nobody asks for go first.
///
/// Two halves: when the younger is full, the older one is dropped, and an entry of the older that is asked for moves to the younger. So an entry
/// that is asked for stays, and nothing is sorted. Each operation is O(1) on average.
package struct BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let size: Int
    }

    private let capacity: Int
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private var youngBytes = 0
    private var oldBytes = 0

    package init(bytes capacity: Int) { self.capacity = capacity }

    /// The bytes that are kept.
    package var bytes: Int { youngBytes + oldBytes }

    package mutating func value(for key: Key) -> Value? {
        if let entry = young[key] { return entry.value }
        guard let entry = old.removeValue(forKey: key) else { return nil }
        oldBytes -= entry.size
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
        if let entry = old.removeValue(forKey: key) { oldBytes -= entry.size }
    }

    /// An empty one in its place.
    package mutating func takeAll() -> Self {
        let all = self
        self = Self(bytes: capacity)
        return all
    }

    private mutating func insert(_ entry: Entry, for key: Key) {
        if youngBytes + entry.size > capacity / 2 {
            (old, oldBytes) = (young, youngBytes)
            (young, youngBytes) = ([:], 0)
        }
        young[key] = entry
        youngBytes += entry.size
    }
}
