import EventSourcing
import Postgres
import Publishing
import TestSupport

@testable import Projections

extension ReadDatabase {
    /// Maintenance as the operator's commands have it.
    func maintenance(_ store: any EventStore, readers: [Statement] = []) -> Maintenance {
        var target = target
        target.role = "annals_projector"
        return Maintenance(target, store: store, catalog: .publishing, readers: readers, logger: .silent)
    }

    /// The schemas of builds, live ones and others.
    func schemas() async throws -> [String] {
        try await rows(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public', 'annals') ORDER BY 1")
    }
}

extension ReadModel {
    /// One of the repository's own.
    static func ofRepository(_ name: String) throws -> ReadModel {
        try ReadModel.load(folder: "\(repositoryRoot)/projections/\(name)", catalog: .publishing)
    }

    /// Views summed up for each post; `column` is what the sum is called.
    static func viewSums(_ column: String = "n", factor: Int = 1, constraint: String = "") throws -> ReadModel {
        try ReadModel(
            name: "model", files: viewSums(column, factor: factor, constraint: constraint), catalog: .publishing)
    }

    static func viewSums(_ column: String, factor: Int = 1, constraint: String = "") -> [String: String] {
        [
            "table.sql": "CREATE TABLE t (id uuid PRIMARY KEY, \(column) bigint \(constraint))",
            "indexes.sql": "CREATE INDEX t_\(column) ON t (\(column))",
            "PostViewed.sql":
                "INSERT INTO t VALUES (:stream_id, :count * \(factor)) ON CONFLICT (id) DO UPDATE SET \(column) = t.\(column) + :count * \(factor)",
        ]
    }
}
