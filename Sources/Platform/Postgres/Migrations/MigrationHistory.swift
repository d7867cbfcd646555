/// The table of applied migrations. Everything here runs under the migrations' lock.
struct MigrationHistory {
    struct Entry {
        let version: Int
        let name: String
        let checksum: String
        let appliedAt: Int64

        /// Whether it is not even an earlier text of the same file. A file may be renamed, but not replaced.
        func isOther(than migration: Migration, _ checksum: String) -> Bool { name != migration.name && self.checksum != checksum }
    }

    /// `[version: entry]`; the files' checksums beside it, in the files' order.
    let entries: [Int: Entry]
    let checksums: [String]

    /// Takes the lock until the transaction ends, makes the table when it isn't there, and reads it.
    ///
    /// The lock is the transaction's: one of the session's would stay behind on a pooler's connection.
    static func load(_ session: Session, for migrations: [Migration]) async throws -> MigrationHistory {
        try await lock(session)
        if try await session.query(.tableExists).first?.get(0) != true { try await session.query(.createTable) }
        let rows = try await session.query(.entries)
        var entries: [Int: Entry] = [:]
        for row in rows {
            let entry = try Entry(version: row.get(0), name: row.get(1), checksum: row.get(2), appliedAt: row.milliseconds(3))
            entries[entry.version] = entry
        }
        // The server's own SHA-256 saves a dependency.
        let sums = try await session.query(.checksums, [.byteas(migrations.map { Array($0.sql.utf8) })])
        return MigrationHistory(entries: entries, checksums: try sums.map { row throws in try row.get(0) })
    }

    /// Lets programs that migrate the same database take turns, until the transaction ends.
    static func lock(_ session: Session) async throws { try await session.query(.lock) }

    /// The migrations that are left to apply. Throws when folder and database contradict each other.
    func pending(_ migrations: [Migration]) throws(MigrationError) -> [(migration: Migration, checksum: String)] {
        for (migration, checksum) in zip(migrations, checksums) {
            guard let entry = entries[migration.version], entry.isOther(than: migration, checksum) else { continue }
            throw .otherBuild(applied: entry.name, expected: migration.name)
        }
        let known = Set(migrations.map(\.version))
        if let unknown = entries.keys.filter({ !known.contains($0) }).max() { throw .databaseIsNewer(version: unknown) }
        let latest = entries.keys.max() ?? 0
        var pending: [(Migration, String)] = []
        for (migration, checksum) in zip(migrations, checksums) {
            if let entry = entries[migration.version] {
                if entry.checksum != checksum { throw .edited(name: migration.name) }
            } else if migration.version < latest {
                throw .outOfOrder(name: migration.name)
            } else {
                pending.append((migration, checksum))
            }
        }
        return pending
    }
}

extension Statement {
    // "migrate" in ASCII, so that no other use of advisory locks meets it by chance.
    fileprivate static let lock = Statement("migrations_lock", "SELECT pg_advisory_xact_lock(x'6d696772617465'::bigint)")
    fileprivate static let tableExists = Statement("migrations_exist", "SELECT to_regclass('schema_migrations') IS NOT NULL")
    fileprivate static let createTable = Statement(
        "migrations_create",
        """
        CREATE TABLE schema_migrations (
            version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
        )
        """)
    fileprivate static let entries = Statement("migrations_list", "SELECT version, name, checksum, applied_at FROM schema_migrations")
    fileprivate static let checksums = Statement(
        "migrations_sum",
        "SELECT encode(sha256(file), 'hex') FROM unnest($1::bytea[]) WITH ORDINALITY AS files (file, number) ORDER BY number")
}
