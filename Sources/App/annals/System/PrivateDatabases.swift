import Logging
import Postgres
import PrivatePostgres

/// The private PostgreSQL server of a data folder, for as long as `body` runs; when it ends by itself, it is started again.
func withPrivateDatabases(
    _ directory: DataDirectory, logger: Logger, _ body: @escaping @Sendable (Databases) async throws -> Void
) async throws {
    let server = PrivateServer(directory: directory.postgres, durability: .full, logger: logger)
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
            // Whichever ends first ends the other; an error is the command's.
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
    await server.stop(within: .seconds(3))
    try result.get()
}

/// Makes the four databases that the server does not have yet.
private func createDatabases(at location: PrivateServer.Location, logger: Logger) async throws {
    do {
        try await ConnectionPool.withPool(location.target(database: "postgres"), logger: logger) { pool in
            for name in Databases.names.map({ "annals_" + $0 }) { try await createDatabase(name, pool) }
        }
    } catch let error as PostgresError {
        throw Failure("the private PostgreSQL does not make the databases: \(error.message)")
    }
}

private func createDatabase(_ name: String, _ pool: ConnectionPool) async throws {
    while try await pool.query(.findDatabase, [.text(name)]).count == 0 {
        do {
            // A database can't be made in a transaction, nor its name be bound; the names are the four above.
            try await pool.withSession { try await $0.execute(script: "CREATE DATABASE \(name)") }
        } catch let error as PostgresError where error.sqlState.map([.duplicateDatabase, .uniqueViolation, .objectInUse].contains) == true {
            // The server still does this for a start that was killed. When it is done the database is there, or can be made.
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

extension Statement {
    fileprivate static let findDatabase = Statement("find_database", "SELECT FROM pg_database WHERE datname = $1")
}
