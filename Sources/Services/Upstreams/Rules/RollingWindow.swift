/// Two counts over the last while: of everything, and of some of it. It moves on in steps of a tenth, so counting costs the same however much there
/// is.
struct RollingWindow {
    typealias Instant = ContinuousClock.Instant

    struct Count: Equatable {
        var all = 0
        var marked = 0
    }

    private static let slots = 10

    private let step: Duration
    private var counts = [Count](repeating: Count(), count: slots)
    private var current = 0
    /// When the current slot ends; nil before anything was counted.
    private var end: Instant?
    private(set) var total = Count()

    init(_ length: Duration) { step = max(length / Self.slots, .nanoseconds(1)) }

    /// Counts one; it belongs to the marked ones, too, if so.
    mutating func add(all: Int = 1, marked: Int = 0, at now: Instant) {
        advance(to: now)
        counts[current].all += all
        counts[current].marked += marked
        total.all += all
        total.marked += marked
    }

    /// Forgets what is older than the window.
    mutating func advance(to now: Instant) {
        guard var end else {
            end = now + step
            return
        }
        guard now >= end else { return }
        guard now - end < step * Self.slots else {
            self = RollingWindow(step * Self.slots)
            self.end = now + step
            return
        }
        while now >= end {
            current = (current + 1) % Self.slots
            total.all -= counts[current].all
            total.marked -= counts[current].marked
            counts[current] = Count()
            end += step
        }
        self.end = end
    }
}
