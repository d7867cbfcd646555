/// The state of a read model in a word.
package enum ReadModelState: String, Sendable {
    case current
    /// Its folder has changed since its tables were made.
    case stale
    /// The log has gone on, and for 10 s it has not.
    case behind
    /// Something is in the way of the next event; it is tried again.
    case failing
    /// Its projector has given up, until there are other tables or the process is started anew.
    case stopped
    /// No projector has its lease.
    case unattended
    /// There is a folder and no tables: no projector has seen it yet.
    case unbuilt
    /// There are tables and no folder: nothing keeps them current.
    case orphaned
    /// Its folder is refused.
    case broken
}
