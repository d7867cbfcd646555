/// A pool at one moment.
package struct PoolStatistics: Sendable, Equatable {
    /// Connections open or being opened.
    package var open: Int
    /// Connections doing nothing.
    package var idle: Int
    /// Connections lent out or with requests under way.
    package var inUse: Int
    /// Callers waiting for a connection.
    package var waiting: Int

    /// All four.
    package init(open: Int, idle: Int, inUse: Int, waiting: Int) {
        self.open = open
        self.idle = idle
        self.inUse = inUse
        self.waiting = waiting
    }
}
