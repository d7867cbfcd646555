import EventSourcing
import Postgres

extension ReadModel {
    /// A version whose SQL the read database keeps; its folder may hold another by now. Throws `ReadModelError` when it is not kept.
    static func stored(_ name: String, version: String, catalog: EventCatalog, in pool: ConnectionPool) async throws -> ReadModel {
        var files: [String: String] = [:]
        for row in try await pool.query(.readVersion, [.text(name), .text(version)]) {
            files[try row.get(0)] = try row.get(1, as: String.self)
        }
        return try ReadModel(name: name, files: files, catalog: catalog, isStored: true)
    }
}

extension Statement {
    fileprivate static let readVersion = Statement(
        "read_version",
        "SELECT file.key, file.value FROM annals.read_model_versions, jsonb_each_text(sql) AS file WHERE model = $1 AND version = $2")
}
