/// Which way a reader goes through events.
package enum ReadDirection: Sendable, Hashable {
    /// Oldest first.
    case forwards
    /// Newest first.
    case backwards
}
