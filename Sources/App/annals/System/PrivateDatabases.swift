import Logging
import Postgres
import PrivatePostgres

/// Runs the private PostgreSQL server of a data folder for as long as `body` runs. If it ends by itself, it is started again.
/// - Parameter backups: the folder of backups, which its WAL is archived in; nil archives none.
func withPrivateDatabases(
    _ directory: DataDirectory, archivingIn backups: BackupFolder? = nil, logger: Logger, _ body: @escaping @Sendable (Databases) async throws -> Void
) async throws {
    let server = PrivateServer(directory: directory.postgres, durability: .full, backups: backups?.path, logger: logger)
    let result: Result<Void, any Error>
    do {
        try await server.start()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            group.addTask {
                guard let location = PrivateServer.locate(directory: directory.postgres) else {
                    throw Failure("the private PostgreSQL ended right after its start")
                }
                try await createDatabases(at: location, logger: logger)
                try await body(Databases { location.target(database: $0) })
            }
            // The first to end ends the other. An error is the command's.
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
        result = .success(())
    } catch let error as PrivateServerError {
        result = .failure(Failure("\(error)"))
    } catch {
        result = .failure(error)
    }
    // With an archive the last segment is written there first.
    await server.stop(within: backups == nil ? .seconds(3) : .seconds(15))
    try result.get()
}

/// Refuses a start without databases where none can be made, as in a container without a server, before anything is written.
func requirePrivateServer() throws {
    guard PrivateServer.isInstalled else {
        throw Failure(
            "no PostgreSQL server was found to make a private one with: set ANNALS_LOG_URL, ANNALS_READ_URL, ANNALS_IDENTITY_URL and "
                + "ANNALS_VAULT_URL, or install one (on Debian and Ubuntu: apt-get install postgresql)")
    }
}

/// Makes those of the four databases that the server lacks.
private func createDatabases(at location: PrivateServer.Location, logger: Logger) async throws {
    try await ConnectionPool.withPool(location.target(database: "postgres"), logger: logger) { pool in
        for name in Databases.names.map({ "annals_" + $0 }) { try await createDatabase(name, pool) }
    }
}

/// A start that was interrupted may have left a session that is making the database at this moment: then that is waited for.
private func createDatabase(_ name: String, _ pool: ConnectionPool) async throws {
    var attempts = 0
    while try await pool.query(.findDatabase, [.text(name)]).count == 0 {
        do {
            // A database can't be made in a transaction, nor its name be bound; the names are the four above.
            try await pool.withSession { try await $0.execute(script: "CREATE DATABASE \(name)") }
        } catch let error as PostgresError where attempts < 100 && error.sqlState.map(SQLState.madeBesides.contains) == true {
            attempts += 1
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}

extension SQLState {
    /// The errors of CREATE DATABASE while another session makes the database: a duplicate, a name in an index, a template in use.
    fileprivate static let madeBesides = [SQLState(rawValue: "42P04"), .uniqueViolation, SQLState(rawValue: "55006")]
}

extension Statement {
    fileprivate static let findDatabase = Statement("find_database", "SELECT FROM pg_database WHERE datname = $1")
}
