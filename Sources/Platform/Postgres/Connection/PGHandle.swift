/// A `PGconn`. libpq allows one thread at a time on it.
// Sendable because each handle is either owned by the one thread that is connecting it or kept inside its connection's Mutex.
struct PGHandle: @unchecked Sendable {
    let pointer: OpaquePointer
    /// The server that it leads to.
    let place: ConnectionTarget.Place
    let doubt: CommitDoubt
}
