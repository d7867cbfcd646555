import Logging
import Postgres
import TestSupport

/// Makes a migrated read database, hands it over, and drops it.
func withReadDatabase<T: Sendable>(_ body: @escaping @Sendable (ReadDatabase) async throws -> T) async throws -> T {
    try await TestCluster.withDatabase(migrations: "\(repositoryRoot)/migrations/read") { target in
        let pool = ConnectionPool(target, limits: .patient, logger: .silent)
        let database = ReadDatabase(target: target, pool: pool)
        return try await racing {
            // A copied database has the rights on its schemas, but not those on itself.
            try await database.run("REVOKE ALL ON DATABASE \(target.database) FROM PUBLIC")
            try await database.run("GRANT CONNECT, CREATE ON DATABASE \(target.database) TO annals_projector")
            try await database.run("GRANT CONNECT ON DATABASE \(target.database) TO annals_queries")
            return try await body(database)
        } against: {
            try await pool.run()
        }
    }
}
