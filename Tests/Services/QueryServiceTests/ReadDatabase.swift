import Foundation
import Postgres
import TestSupport

@testable import QueryService

/// Lends an empty read database, made by the migrations and the read models' own files, all models at position 0.
func withReadDatabase(_ body: (ConnectionTarget) async throws -> Void) async throws {
    try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/read") { target in
        try await ConnectionPool.withPool(target, logger: TestCluster.logger) { pool in
            try await pool.withSession { session in
                for model in [JoinedModel.posts, .users, .viewCounts].map(\.rawValue) {
                    let folder = repositoryRoot + "/projections/\(model)"
                    // Made by the projector's role, so that the queries' role has the rights that it will have.
                    try await session.execute(
                        script: """
                            CREATE SCHEMA \(model) AUTHORIZATION annals_projector;
                            SET ROLE annals_projector;
                            SET search_path = \(model);
                            \(String(contentsOfFile: folder + "/table.sql", encoding: .utf8));
                            \(String(contentsOfFile: folder + "/indexes.sql", encoding: .utf8));
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
