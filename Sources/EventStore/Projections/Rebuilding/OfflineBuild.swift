import EventSourcing
import FoundationEssentials
import Postgres

/// A build that is not live, as stored.
struct OfflineBuild: Sendable {
    enum Purpose: String {
        case rebuild
        case verification
        /// It was live before the present one, and is kept.
        case previous
        /// It was kept before, and is to be dropped.
        case retired
    }

    let build: Build
    /// The schema that its tables lie in.
    let schema: String
    var position: Int64
    var eventID: UUID?

    /// Makes the tables, without indexes. All of it or nothing.
    static func create(_ model: ReadModel, version: String, for purpose: Purpose, in pool: ConnectionPool) async throws -> OfflineBuild {
        try await pool.withTransaction { session in
            let number: Int64 = try await session.query(.nextBuild)[0].get(0)
            let schema = "\(model.name)__\(number)"
            try await session.query(.storeReadModelVersion, [.text(model.name), .text(version), .jsonb(model.canonicalSQL)])
            try await session.query(.insertBuild, [.int8(number), .text(model.name), .text(version), .text(purpose.rawValue), .text(schema)])
            try await session.execute(script: "CREATE SCHEMA \(schema); SET LOCAL search_path = \(schema)")
            try await model.define([model.tables], in: session)
            try await model.prepare(in: session)
            return OfflineBuild(build: Build(number: number, model: model, version: version), schema: schema, position: 0, eventID: nil)
        }
    }

    /// The tables that were live before the present ones; nil when there are none.
    static func previous(of model: String, catalog: EventCatalog, in pool: ConnectionPool) async throws -> OfflineBuild? {
        guard let row = try await pool.query(.readPrevious, [.text(model)]).first else { return nil }
        let version: String = try row.get(1)
        let stored = try await ReadModel.stored(model, version: version, catalog: catalog, in: pool)
        return OfflineBuild(
            build: Build(number: try row.get(0), model: stored, version: version), schema: try row.get(2), position: try row.get(3),
            eventID: try row.get(4))
    }

    /// The number of that build.
    static func numberOfPrevious(of model: String, in pool: ConnectionPool) async throws -> Int64? {
        try await pool.query(.readPrevious, [.text(model)]).first?.get(0)
    }

    /// The tables of a schema, as SQL names them.
    static func tables(of schema: String, in session: Session) async throws -> [String] {
        try await session.query(.tablesOfSchema, [.text(schema)]).map { try $0.get(0) }
    }

    /// Removes what earlier maintenance of the model left behind.
    static func dropLeftovers(of model: String, in pool: ConnectionPool) async throws {
        try await pool.withTransaction { _ = try await $0.query(.dropLeftovers, [.text(model)]) }
    }

    static func drop(_ build: Int64, in pool: ConnectionPool) async throws {
        try await pool.withTransaction { _ = try await $0.query(.dropBuild, [.int8(build)]) }
    }
}

extension Statement {
    static let storeReadModelVersion = Statement(
        "store_version", "INSERT INTO annals.read_model_versions (model, version, sql) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
    fileprivate static let tablesOfSchema = Statement(
        "tables_of_schema", "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = $1 ORDER BY tablename")
    fileprivate static let nextBuild = Statement("next_build", "SELECT nextval('annals.build_numbers')")
    fileprivate static let insertBuild = Statement(
        "insert_build", "INSERT INTO annals.builds (build, model, version, purpose, schema_name) VALUES ($1, $2, $3, $4, $5)")
    fileprivate static let readPrevious = Statement(
        "read_previous", "SELECT build, version, schema_name, position, event_id FROM annals.builds WHERE model = $1 AND purpose = 'previous'")
    fileprivate static let dropBuild = Statement("drop_build", "SELECT annals.drop_build($1)")
}
