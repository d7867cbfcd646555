package import Logging

/// Forward-only numbered SQL: the files `NNNN_name.sql` of a folder, each applied once, in a transaction of its own with its row in
/// `schema_migrations`. Around them runs what every start makes sure of: roles before, rights after.
///
/// Any number of programs may migrate the same database at once; a lock lets them take turns. A file can't hold statements that refuse to run
/// in a transaction, nor end it.
package struct Migrator: Sendable {
    private let migrations: [Migration]
    private let repeatable: (before: Migration?, after: Migration?)
    private let logger: Logger

    /// Reads the folder. Throws `MigrationError` when it can't be read or a name is wrong.
    package init(directory: String, logger: Logger) throws {
        migrations = try Migration.all(in: directory)
        repeatable = try Migration.repeatable(in: directory)
        self.logger = logger
    }

    /// Applies the missing migrations and returns them. Throws `MigrationError`, or `PostgresError` for trouble that has nothing to do with a file.
    package func migrate(_ target: ConnectionTarget) async throws -> [AppliedMigration] {
        try await withPool(target) { pool in
            var applied: [AppliedMigration] = []
            try await run(repeatable.before, in: pool)
            while let next = try await pool.withTransaction({ try await applyNext($0) }) {
                logger.debug("migration applied", metadata: ["name": "\(next.name)"])
                applied.append(next)
            }
            try await run(repeatable.after, in: pool)
            return applied
        }
    }

    /// Every migration of the folder and of the database, by number. Changes nothing.
    package func status(_ target: ConnectionTarget) async throws -> [MigrationStatus] {
        let history = try await withPool(target) { pool in
            try await pool.rollingBack { session in try await MigrationHistory.load(session, for: migrations) }
        }
        let mine = zip(migrations, history.checksums).map { migration, checksum in
            let entry = history.entries[migration.version]
            let state: MigrationStatus.State =
                switch entry {
                case nil: .pending
                case let entry? where entry.isOther(than: migration, checksum): .unknown
                case let entry? where entry.checksum != checksum: .edited
                case let entry?: .applied(at: entry.appliedAt)
                }
            return MigrationStatus(version: migration.version, name: state == .unknown ? entry?.name ?? migration.name : migration.name, state: state)
        }
        let known = Set(migrations.map(\.version))
        let foreign = history.entries.values.filter { !known.contains($0.version) }
            .map { MigrationStatus(version: $0.version, name: $0.name, state: .unknown) }
        return (mine + foreign).sorted { $0.version < $1.version }
    }

    /// A file that is not counted, while no other program migrates.
    private func run(_ file: Migration?, in pool: ConnectionPool) async throws {
        guard let file else { return }
        try await pool.withTransaction { session in
            try await MigrationHistory.lock(session)
            try await execute(file, in: session)
        }
    }

    /// One file. The history is read anew for each, under the lock, because another program may be at it too.
    private func applyNext(_ session: Session) async throws -> AppliedMigration? {
        let history = try await MigrationHistory.load(session, for: migrations)
        guard let (migration, checksum) = try history.pending(migrations).first else { return nil }
        try await execute(migration, in: session)
        guard session.isInTransaction else {
            throw MigrationError.failed(name: migration.name, line: nil, message: "the file ends the transaction it runs in")
        }
        try await session.query(.record, [.int4(Int32(migration.version)), .text(migration.name), .text(checksum)])
        return AppliedMigration(version: migration.version, name: migration.name)
    }

    private func execute(_ migration: Migration, in session: Session) async throws {
        do throws(PostgresError) {
            try await session.execute(script: migration.sql)
        } catch {
            guard case .server = error.kind else { throw error }
            let details = [error.message, error.detail, error.hint].compactMap { $0 }.joined(separator: "; ")
            throw MigrationError.failed(name: migration.name, line: error.position.map(migration.line), message: details)
        }
    }

    private func withPool<T: Sendable>(_ target: ConnectionTarget, _ body: (ConnectionPool) async throws -> T) async throws -> T {
        var limits = PoolLimits()
        limits.maximumConnections = 1
        limits.prepare = .unnamed
        // An index on a large table takes its time.
        limits.statementTimeout = nil
        return try await ConnectionPool.withPool(target, limits: limits, logger: logger, body)
    }
}

extension Statement {
    fileprivate static let record = Statement("migrations_record", "INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)")
}
