import CLibpq

/// Cancels a connection's query from any thread; libpq keeps a handle for it apart from the connection.
final class Canceller: Sendable {
    // PQcancel only reads it, and only deinit frees it.
    private nonisolated(unsafe) let pointer: OpaquePointer?

    init(_ handle: PGHandle) { pointer = PQgetCancel(handle.pointer) }

    deinit { PQfreeCancel(pointer) }

    /// PQcancel connects and waits, so it gets a thread of its own. When it fails, the statement's timeout ends the query.
    func cancel() {
        startThread("postgres-cancel") { [self] in
            var complaint = [CChar](repeating: 0, count: 256)
            PQcancel(pointer, &complaint, 256)
        }
    }
}
