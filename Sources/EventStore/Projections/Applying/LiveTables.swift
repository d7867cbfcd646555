import EventSourcing
import Logging
import Postgres

/// The live tables of one read model, and the SQL that they were made by: made at first, then taken up by each projector that gets the lease.
struct LiveTables: Sendable {
    /// The model as its folder has it now; what is applied may be an older version.
    let model: ReadModel
    let catalog: EventCatalog
    let pool: ConnectionPool
    let logger: Logger

    /// The schema, its tables, the stored SQL and the checkpoint: all of it or nothing. Does nothing when they are there.
    func createIfNew() async throws {
        if try await ProjectionCheckpoint.read(model.name, from: pool) != nil { return }
        let version = try await model.version(by: pool)
        let isNew = try await pool.withTransaction { session in
            // Two processes may start at once.
            try await session.query(.lockReadModel, [.text(model.name)])
            if try await ProjectionCheckpoint.exists(model.name, in: session) { return false }
            try await session.execute(script: "CREATE SCHEMA \(model.name)")
            try await model.define([model.tables, model.indexes], in: session)
            try await model.prepare(in: session)
            try await session.query(.storeReadModelVersion, [.text(model.name), .text(version), .jsonb(model.canonicalSQL)])
            try await ProjectionCheckpoint.create(model.name, version: version, in: session)
            return true
        }
        if isNew { logger.info("made the tables", metadata: ["version": "\(version)"]) }
    }

    /// Where the tables are now.
    func checkpoint() async throws -> ProjectionCheckpoint {
        guard let checkpoint = try await ProjectionCheckpoint.read(model.name, from: pool) else {
            throw ReadModelError(file: model.name, reason: "its checkpoint is gone")
        }
        return checkpoint
    }

    /// Finds the SQL of the version that the tables were made by, and has it prepared once, so that a mistake is met at the start.
    /// - Parameter isStart: whether this process has just read its folders, which is recorded once. Later it is a rebuild that knows what they hold.
    func adopt(at checkpoint: ProjectionCheckpoint, isStart: inout Bool) async throws -> AdoptedBuild {
        let folderVersion = try await model.version(by: pool)
        let isStale = try await ProjectionCheckpoint.record(folderVersion: isStart ? folderVersion : nil, of: model.name, in: pool)
        isStart = false
        let applied = checkpoint.version == folderVersion ? model : try await storedVersion(checkpoint.version)
        if !applied.isStored { try await pool.withTransaction { session in try await applied.prepare(in: session) } }
        let build = Build(number: checkpoint.build, model: applied, version: checkpoint.version)
        return AdoptedBuild(build: build, folderVersion: folderVersion, isStale: isStale)
    }

    /// A folder that is refused can be mended. Stored SQL can't be, so it stops this read model alone until it is rebuilt.
    private func storedVersion(_ version: String) async throws -> ReadModel {
        do {
            let stored = try await ReadModel.stored(model.name, version: version, catalog: catalog, in: pool)
            try await pool.withTransaction { session in try await stored.prepare(in: session) }
            return stored
        } catch let error as ReadModelError {
            throw ProjectorStop.unusable(version: version, reason: error.description)
        }
    }
}

/// A build as a projector applies it.
struct AdoptedBuild {
    let build: Build
    let folderVersion: String
    /// The folder has changed since.
    let isStale: Bool
}

extension ReadModel {
    /// Makes the tables in the schema in front. Throws `ReadModelError` with the file and line that is refused.
    func define(_ files: [SQLFile], in session: Session) async throws {
        for file in files where !file.tokens.isEmpty {
            try await file.run(in: session)
            if !isStored { try await file.checkReach(in: session) }
        }
    }

    /// Has the server parse and plan every statement. Throws `ReadModelError` with the file and line of the first that it refuses.
    func prepare(in session: Session) async throws {
        let all = statements.values.map { ($0.file, $0.statement) } + sets.values.map { ($0.file, $0.statement) }
        for (file, statement) in all.sorted(by: { $0.0.path < $1.0.path }) {
            try await file.run("PREPARE annals_check AS " + statement.sql, in: session)
            if !isStored { try await file.checkReach(in: session) }
            try await session.execute(script: "DEALLOCATE annals_check")
        }
    }
}

extension SQLFile {
    /// Runs this file, or a script that has its lines. Turns the server's complaint into one that names the file and line.
    func run(_ script: String? = nil, in session: Session) async throws {
        let script = script ?? text
        do {
            try await session.execute(script: script)
        } catch {
            guard let state = error.sqlState, !error.isTransient else { throw error }
            throw refusal(position: error.position, in: script, "\(error.message) (\(state.rawValue))")
        }
    }
}

extension Statement {
    fileprivate static let lockReadModel = Statement(
        "lock_read_model", "SELECT pg_advisory_xact_lock(hashtextextended('annals.read_model.' || $1, 0))")
}
