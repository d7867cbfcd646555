import FoundationEssentials

/// Views by post, in the order in which posts came first. Bounded: when full, the oldest post makes room.
struct ViewTally {
    typealias Entry = (post: UUID, count: Int64)

    let capacity: Int
    private var counts: [UUID: Int64] = [:]
    private var arrivals: [UUID] = []

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Posts that have views here.
    var postCount: Int { counts.count }

    /// Adds one view. Returns what had to go for it.
    mutating func add(_ post: UUID) -> Entry? {
        if let count = counts[post] {
            counts[post] = count + 1
            return nil
        }
        let dropped = counts.count < capacity ? nil : takeFirst(1).first
        counts[post] = 1
        arrivals.append(post)
        return dropped
    }

    /// Takes one view back; the post must be here.
    mutating func subtract(_ post: UUID) {
        guard let count = counts[post] else { return }
        guard count == 1 else {
            counts[post] = count - 1
            return
        }
        counts[post] = nil
        arrivals.removeAll { $0 == post }
    }

    /// Takes out up to `limit` posts, the oldest first.
    mutating func takeFirst(_ limit: Int) -> [Entry] {
        let posts = arrivals.prefix(limit)
        arrivals.removeFirst(posts.count)
        return posts.compactMap { post in counts.removeValue(forKey: post).map { (post, $0) } }
    }
}
