/// Values in the order of their last use, each with a cost. Pure bookkeeping: a table of nodes, linked from the newest use to the oldest, so every
/// operation takes constant time.
package struct LeastRecentlyUsed<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Node: Sendable {
        let key: Key
        var value: Value
        var cost: Int
        var newer: Int?
        var older: Int?
    }

    private var places: [Key: Int] = [:]
    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var newest: Int?
    private var oldest: Int?
    /// The sum of all costs.
    package private(set) var totalCost = 0

    /// How many there are.
    package var count: Int { places.count }

    /// An empty table.
    package init() {}

    /// The one to go first.
    package var oldestKey: Key? { oldest.flatMap { nodes[$0]?.key } }

    /// All values, in no particular order. Linear.
    var all: [(key: Key, value: Value)] { nodes.compactMap { node in node.map { ($0.key, $0.value) } } }

    /// The value without counting as a use of it.
    package func peek(_ key: Key) -> Value? { places[key].flatMap { nodes[$0]?.value } }

    /// The value, which becomes the one used last.
    package mutating func use(_ key: Key) -> Value? {
        guard let place = places[key], let value = nodes[place]?.value else { return nil }
        unlink(place)
        link(place)
        return value
    }

    /// Sets a value, which becomes the one used last.
    package mutating func set(_ key: Key, to value: Value, cost: Int) {
        remove(key)
        let place = free.popLast() ?? nodes.endIndex
        let node = Node(key: key, value: value, cost: cost, newer: nil, older: nil)
        if place == nodes.endIndex { nodes.append(node) } else { nodes[place] = node }
        places[key] = place
        totalCost += cost
        link(place)
    }

    /// Takes a value out and gives it back.
    @discardableResult
    package mutating func remove(_ key: Key) -> Value? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        unlink(place)
        let node = nodes[place].take()
        totalCost -= node?.cost ?? 0
        free.append(place)
        return node?.value
    }

    private mutating func link(_ place: Int) {
        nodes[place]?.older = newest
        nodes[place]?.newer = nil
        if let newest { nodes[newest]?.newer = place }
        newest = place
        oldest = oldest ?? place
    }

    private mutating func unlink(_ place: Int) {
        let newer = nodes[place]?.newer
        let older = nodes[place]?.older
        if let newer { nodes[newer]?.older = older } else { newest = older }
        if let older { nodes[older]?.newer = newer } else { oldest = newer }
    }
}
