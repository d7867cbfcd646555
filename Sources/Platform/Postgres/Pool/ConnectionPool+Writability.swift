import Synchronization

extension ConnectionPool {
    /// Returns when the database takes what is written to it, as far as this pool's users know. Costs nothing while their writes succeed.
    ///
    /// After a write has failed for want of space or the like, reads go on as if nothing were wrong. Then a write is tried, and until one succeeds
    /// the database does not count as there.
    package func confirmWrites() async throws(PostgresError) {
        let failures = core.withLock(\.writeFailures)
        if failures == 0 { return }
        try await query(.tryWriting)
        // Failures that came meanwhile want a proof of their own.
        core.withLock { $0.writeFailures -= min(failures, $0.writeFailures) }
    }
}

extension Statement {
    /// A large object needs neither a table nor a right of its own. It is made of 64 kB that don't compress, so a file has to grow, and the commit
    /// waits for the disk. PostgreSQL 15 lets a read-only transaction write large objects, so that is asked first.
    fileprivate static let tryWriting = Statement(
        "try_writing",
        """
        DO $$ BEGIN
            IF current_setting('transaction_read_only')::boolean THEN
                RAISE EXCEPTION 'the transaction is read-only' USING ERRCODE = 'read_only_sql_transaction';
            END IF;
            PERFORM lo_unlink(lo_from_bytea(0, string_agg(sha256(int4send(n)), ''::bytea))) FROM generate_series(1, 2048) AS numbers (n);
        END $$
        """)
}
