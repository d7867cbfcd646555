/// Where every read model stands, and who waits for one to come further. Pure bookkeeping: the caller resumes whom it is handed.
///
/// A waiter stands in one queue, that of a model it still lacks, so an advance touches only those that it may satisfy.
struct PositionWaiters<Waiter: Sendable>: Sendable {
    private struct Entry: Comparable {
        let position: Int64
        let id: UInt64

        static func < (left: Entry, right: Entry) -> Bool { (left.position, left.id) < (right.position, right.id) }
    }

    private struct Waiting: Sendable {
        let waiter: Waiter
        let position: Int64
        let models: [String]
        var lacked: String
    }

    private(set) var positions: [String: Int64] = [:]
    /// Per model, ascending.
    private var queues: [String: [Entry]] = [:]
    private var waiting: [UInt64: Waiting] = [:]

    /// How many wait.
    var count: Int { waiting.count }

    /// Whether all the models have reached the position. A model that is not known has reached nothing.
    func isReached(_ position: Int64, by models: [String]) -> Bool { firstLacking(position, of: models) == nil }

    /// Queues a waiter under an id of its own; hands it back when there is nothing to wait for. O(log n), and a move of the queue behind it.
    mutating func add(_ waiter: Waiter, id: UInt64, for position: Int64, of models: [String]) -> Waiter? {
        guard let lacked = firstLacking(position, of: models) else { return waiter }
        waiting[id] = Waiting(waiter: waiter, position: position, models: models, lacked: lacked)
        insert(Entry(position: position, id: id), into: lacked)
        return nil
    }

    /// Takes a waiter out again, if it still waits.
    mutating func remove(_ id: UInt64) -> Waiter? {
        guard let removed = waiting.removeValue(forKey: id) else { return nil }
        let entry = Entry(position: removed.position, id: id)
        if var queue = queues.removeValue(forKey: removed.lacked) {
            let index = queue.insertionIndex(of: entry)
            if index < queue.count, queue[index] == entry { queue.remove(at: index) }
            if !queue.isEmpty { queues[removed.lacked] = queue }
        }
        return removed.waiter
    }

    /// Sets a model's position and hands out everybody who has now waited long enough. A position may go back, when a database was restored.
    mutating func move(_ model: String, to position: Int64) -> [Waiter] {
        positions[model] = position
        guard var queue = queues.removeValue(forKey: model) else { return [] }
        let reached = queue.prefix { $0.position <= position }
        queue.removeFirst(reached.count)
        if !queue.isEmpty { queues[model] = queue }
        return reached.compactMap { entry in
            guard var waiter = waiting.removeValue(forKey: entry.id) else { return nil }
            guard let lacked = firstLacking(waiter.position, of: waiter.models) else { return waiter.waiter }
            waiter.lacked = lacked
            waiting[entry.id] = waiter
            insert(entry, into: lacked)
            return nil
        }
    }

    private func firstLacking(_ position: Int64, of models: [String]) -> String? {
        models.first { model in positions[model].map { $0 < position } ?? true }
    }

    private mutating func insert(_ entry: Entry, into model: String) {
        var queue = queues.removeValue(forKey: model) ?? []
        queue.insert(entry, at: queue.insertionIndex(of: entry))
        queues[model] = queue
    }
}

extension Array where Element: Comparable {
    /// Where the element stands or would stand in this ascending array.
    fileprivate func insertionIndex(of element: Element) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < element { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
