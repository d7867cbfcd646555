import Synchronization

extension ConnectionPool {
    /// Returns when the database answers and takes what is written to it.
    ///
    /// After a write has failed for want of space or the like, reads go on as if nothing were wrong; so a write is tried, and until one succeeds the database
    /// does not count as there. Needs a pool that writes.
    package func confirmWritable() async throws(PostgresError) {
        let failures = core.withLock(\.writeFailures)
        guard failures > 0 else {
            try await query(.isAlive)
            return
        }
        try await query(.tryWriting)
        // Those that came meanwhile want a proof of their own.
        core.withLock { core in core.writeFailures -= min(failures, core.writeFailures) }
    }
}

extension Statement {
    fileprivate static let isAlive = Statement("is_alive", "SELECT 1")

    /// A large object needs neither a table nor a right of its own. It is made of 64 kB that don't compress, so a file has to grow, and the commit waits for the disk.
    fileprivate static let tryWriting = Statement(
        "try_writing",
        "SELECT lo_unlink(lo_from_bytea(0, string_agg(sha256(int4send(n)), ''::bytea))) FROM generate_series(1, 2048) AS numbers (n)")
}
