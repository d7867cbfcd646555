import FoundationEssentials

/// The views that a window holds between two calls to the log.
struct GatheredViews {
    /// A caller who is answered when their view is durable.
    struct Waiter: Sendable {
        let id: UUID
        let post: UUID
        let continuation: CheckedContinuation<Int64, any Error>
    }

    enum Addition {
        /// Nothing was here before: the window opens.
        case first
        case another
        /// The window is over for good; nothing was added.
        case closed
        /// There was no room: these views were given up for the new one.
        case dropped(ViewTally.Entry, [Waiter])
    }

    /// A stop was asked for: no attempt is repeated from now on.
    var isStopping = false
    /// Nothing is taken any more.
    var isClosed = false
    private var tally: ViewTally
    private var waiters: [UUID: [Waiter]] = [:]
    /// Those whose views are on the way, by their ids.
    private var sent: [UUID: Waiter] = [:]

    init(capacity: Int) { tally = ViewTally(capacity: capacity) }

    /// Posts whose views are here.
    var postCount: Int { tally.postCount }

    mutating func add(_ post: UUID, waiter: Waiter?) -> Addition {
        guard !isClosed else { return .closed }
        let wasEmpty = tally.postCount == 0
        let dropped = tally.add(post)
        if let waiter { waiters[post, default: []].append(waiter) }
        if let dropped { return .dropped(dropped, waiters.removeValue(forKey: dropped.post) ?? []) }
        return wasEmpty ? .first : .another
    }

    /// The oldest posts' views, which are now on the way; nil when there are none. One batch is on the way at a time.
    mutating func takeBatch(_ limit: Int, in window: UUID) -> ViewBatch? {
        let views = tally.takeFirst(limit)
        guard !views.isEmpty else { return nil }
        for view in views { for waiter in waiters.removeValue(forKey: view.post) ?? [] { sent[waiter.id] = waiter } }
        return ViewBatch(views, in: window)
    }

    /// Takes out those who still wait for the batch that was on the way.
    mutating func takeSent() -> [Waiter] {
        defer { sent = [:] }
        return Array(sent.values)
    }

    /// Takes all waiters out, and their views with them.
    mutating func withdrawWaiters() -> [Waiter] {
        defer { waiters = [:] }
        tally.subtract(waiters.mapValues { Int64($0.count) })
        return waiters.values.flatMap { $0 }
    }

    /// Takes out a caller who waits no longer; their view stays. Nil when they have been answered.
    mutating func removeWaiter(_ id: UUID, of post: UUID) -> CheckedContinuation<Int64, any Error>? {
        if let waiter = sent.removeValue(forKey: id) { return waiter.continuation }
        guard let index = waiters[post]?.firstIndex(where: { $0.id == id }) else { return nil }
        let waiter = waiters[post]?.remove(at: index)
        if waiters[post]?.isEmpty == true { waiters[post] = nil }
        return waiter?.continuation
    }
}

/// Views by post, in the order in which posts came first. Bounded: when full, the oldest post makes room.
struct ViewTally {
    typealias Entry = (post: UUID, count: Int64)

    let capacity: Int
    private var counts: [UUID: Int64] = [:]
    private var arrivals: [UUID] = []

    init(capacity: Int) { self.capacity = capacity }

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

    /// Takes views back, so many of each post. One pass, however many posts they are of.
    mutating func subtract(_ views: [UUID: Int64]) {
        for (post, count) in views { counts[post] = counts[post].flatMap { $0 > count ? $0 - count : nil } }
        arrivals.removeAll { counts[$0] == nil }
    }

    /// Takes out up to `limit` posts, the oldest first.
    mutating func takeFirst(_ limit: Int) -> [Entry] {
        let posts = arrivals.prefix(limit)
        arrivals.removeFirst(posts.count)
        return posts.compactMap { post in counts.removeValue(forKey: post).map { (post, $0) } }
    }
}
