/// A pool at one moment.
package struct PoolStatistics: Sendable, Equatable {
    /// Connections open or being opened.
    package var open = 0
    /// Connections doing nothing.
    package var idle = 0
    /// Connections lent out or with requests under way.
    package var inUse = 0
    /// Callers waiting for a connection.
    package var waiting = 0
}
