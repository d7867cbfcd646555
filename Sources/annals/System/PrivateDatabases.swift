import Logging
import Postgres
import PrivatePostgres

/// The private PostgreSQL server of a data folder, for as long as `body` runs.
func withPrivateDatabases<Value>(
    _ directory: DataDirectory, logger: Logger, _ body: (Databases) async throws -> Value
) async throws -> Value {
    let server = PrivateServer(directory: directory.postgres, durability: .full, logger: logger)
    do {
        try await server.start()
    } catch let error as PrivateServerError {
        throw Failure("\(error)")
    }
    let result: Result<Value, any Error>
    do {
        guard let location = PrivateServer.locate(directory: directory.postgres) else { throw Failure("the private PostgreSQL ended right after its start") }
        try await createDatabases(at: location, logger: logger)
        result = .success(try await body(Databases { location.target(database: $0) }))
    } catch {
        result = .failure(error)
    }
    await server.stop()
    return try result.get()
}

/// Makes the four databases that the server does not have yet.
private func createDatabases(at location: PrivateServer.Location, logger: Logger) async throws {
    try await ConnectionPool.withPool(location.target(database: "postgres"), logger: logger) { pool in
        for name in Databases.names.map({ "annals_" + $0 }) where try await pool.query(.findDatabase, [.text(name)]).count == 0 {
            // A database can't be made in a transaction, nor its name be bound; the names are the four above.
            try await pool.withSession { try await $0.execute(script: "CREATE DATABASE \(name)") }
        }
    }
}

extension Statement {
    fileprivate static let findDatabase = Statement("find_database", "SELECT FROM pg_database WHERE datname = $1")
}
