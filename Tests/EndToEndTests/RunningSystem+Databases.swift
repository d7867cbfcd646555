import Foundation
import Logging
import Postgres
import PrivatePostgres
import TestSupport

extension RunningSystem {
    /// One value from one of the system's databases, as text.
    func query(_ sql: String, in database: String) async throws -> String {
        try await session(database) { session in
            try await session.query(Statement("probe", "SELECT (\(sql))::text")).first?.get(0, as: String?.self) ?? ""
        }
    }

    /// Runs SQL in one of the system's databases.
    func execute(_ sql: String, in database: String) async throws {
        try await session(database) { try await $0.execute(script: sql) }
    }

    /// Lends a session of the owner's in one of the system's databases.
    func session<Value: Sendable>(_ database: String, _ body: @Sendable @escaping (Session) async throws -> Value) async throws -> Value {
        guard let location = PrivateServer.locate(directory: dataDirectory + "/postgres") else {
            throw LaunchFailure(output: "no server in \(dataDirectory)")
        }
        let pool = ConnectionPool(location.target(database: database), limits: .patient, logger: Logger(label: "tests"))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            defer { group.cancelAll() }
            return try await pool.withSession(body)
        }
    }
}
