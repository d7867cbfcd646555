import FoundationEssentials
package import Postgres

extension TestCluster {
    /// A database of the test's own, dropped afterwards. With `migrations`, a folder of numbered SQL, it is a copy of one migrated once per process.
    package static func withDatabase<T>(migrations: String? = nil, _ body: (ConnectionTarget) async throws -> T) async throws -> T {
        try await Seats.databases.take { try await withSeat(migrations: migrations, body) }
    }

    private static func withSeat<T>(migrations: String?, _ body: (ConnectionTarget) async throws -> T) async throws -> T {
        let cluster = try await shared
        let name = "test_" + UUID().uuidString.lowercased().filter { $0 != "-" }
        try await cluster.administer { session in
            let template = if let migrations { try await cluster.template(for: migrations, session) } else { "template1" }
            try await patiently { try await session.execute(script: "CREATE DATABASE \(name) TEMPLATE \(template)") }
        }
        do {
            let value = try await body(cluster.target(database: name))
            try await cluster.drop(name)
            return value
        } catch {
            try await cluster.drop(name)
            throw error
        }
    }

    /// The migrated database others are copied from. The first test of a folder makes it while the others wait for the lock.
    private func template(for migrations: String, _ session: Session) async throws -> String {
        let name = try await session.query(Statement("template_name", "SELECT 'template_' || md5($1)"), [.text(migrations)])[0].get(
            0, as: String.self)
        try await session.query(Statement("template_lock", "SELECT pg_advisory_lock(hashtext($1))"), [.text(name)])
        let exists = try await session.query(Statement("template_exists", "SELECT 1 FROM pg_database WHERE datname = $1"), [.text(name)]).count > 0
        if !exists {
            try await session.execute(script: "CREATE DATABASE \(name)")
            do {
                _ = try await Migrator(directory: migrations, logger: Self.logger).migrate(target(database: name))
            } catch {
                try await session.execute(script: "DROP DATABASE \(name)")
                throw error
            }
        }
        try await session.query(Statement("template_unlock", "SELECT pg_advisory_unlock(hashtext($1))"), [.text(name)])
        return name
    }

    private func drop(_ name: String) async throws {
        try await administer { session in
            try await Self.patiently { try await session.execute(script: "DROP DATABASE \(name) WITH (FORCE)") }
        }
    }

    /// The server waits five seconds for sessions of the database that are about to end; on a busy machine that takes longer.
    private static func patiently(_ work: () async throws -> Void) async throws {
        let isInUse = SQLState(rawValue: "55006")
        try await eventually(every: .milliseconds(100)) {
            do {
                try await work()
                return true
            } catch let error as PostgresError where error.sqlState == isInUse {
                return false
            }
        }
    }

    private func administer(_ body: (Session) async throws -> Void) async throws {
        try await ConnectionPool.withPool(target(database: "postgres"), limits: .patient, logger: Self.logger) { pool in
            try await pool.withSession(body)
        }
    }
}
