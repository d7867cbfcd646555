import Foundation
import Postgres
import TestSupport

@testable import QueryService

/// Lends an empty read database, made by the migrations and the read models' own files, all models at position 0.
func withReadDatabase(_ body: (ConnectionTarget) async throws -> Void) async throws {
    try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/read") { target in
        try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
            try await pool.withSession { session in
                for model in JoinedModel.all.map(\.rawValue) {
                    let files = ["table.sql", "indexes.sql"].map { "\(repositoryRoot)/projections/\(model)/\($0)" }
                    let definitions = try files.filter(FileManager.default.fileExists).map { try String(contentsOfFile: $0, encoding: .utf8) }
                    // Made by the projector's role, so that the queries' role has the rights that it will have.
                    try await session.execute(
                        script: """
                            CREATE SCHEMA \(model) AUTHORIZATION annals_projector;
                            SET ROLE annals_projector;
                            SET search_path = \(model);
                            \(definitions.joined(separator: ";"));
                            RESET search_path;
                            RESET ROLE;
                            INSERT INTO annals.read_model_versions (model, version, sql) VALUES ('\(model)', 'v', '{}');
                            INSERT INTO annals.checkpoints (model, version, folder_version) VALUES ('\(model)', 'v', 'v');
                            """)
                }
            }
        }
        try await body(target)
    }
}
