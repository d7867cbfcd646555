/// A queue in a ring: constant time at both ends, no allocation once grown.
struct FIFO<Element> {
    private var ring: [Element?] = Array(repeating: nil, count: 16)
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    var first: Element? { count == 0 ? nil : ring[head] }

    /// The element `offset` places behind the first.
    subscript(offset: Int) -> Element? {
        get { offset < count ? ring[(head + offset) & (ring.count - 1)] : nil }
        set { if offset < count { ring[(head + offset) & (ring.count - 1)] = newValue } }
    }

    mutating func append(_ element: Element) {
        if count == ring.count { grow() }
        ring[(head + count) & (ring.count - 1)] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = ring[head]
        ring[head] = nil
        head = (head + 1) & (ring.count - 1)
        count -= 1
        return element
    }

    /// Drops the elements that were appended after the queue had `length` of them.
    mutating func truncate(to length: Int) {
        while count > length {
            count -= 1
            ring[(head + count) & (ring.count - 1)] = nil
        }
    }

    /// Takes out the elements that satisfy `condition`, keeping the order of the others.
    mutating func remove(where condition: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        for _ in 0..<count {
            guard let element = popFirst() else { break }
            if condition(element) { removed.append(element) } else { append(element) }
        }
        return removed
    }

    /// The least of a value that each element has; nil when there is none.
    func earliest<Value: Comparable>(_ value: (Element) -> Value) -> Value? { (0..<count).compactMap { self[$0].map(value) }.min() }

    private mutating func grow() {
        let elements = (0..<count).map { ring[(head + $0) & (ring.count - 1)] }
        ring = elements + Array(repeating: nil, count: ring.count)
        head = 0
    }
}
