import EventSourcing
import Logging
import Postgres

/// What a projector applies: the version that its tables were made by.
struct AppliedVersion {
    let build: Build
    /// The folder has changed since.
    let isStale: Bool
}

extension Projector {
    /// Finds the SQL of the version that the tables were made by, and has it prepared once, so that a mistake is met at the start.
    func adopt(_ checkpoint: Checkpoint, isStart: inout Bool) async throws -> AppliedVersion {
        let digest = try await model.version(by: pool)
        // Later it is a rebuild that knows what the folder holds; this process has read it when it started.
        if isStart { try await pool.query(.noteFolderVersion, [.text(model.name), .text(digest)]) }
        isStart = false
        let isStale: Bool = try await pool.query(.isStale, [.text(model.name)]).first?.get(0) ?? false
        let applied = checkpoint.version == digest ? model : try await storedVersion(checkpoint.version)
        if !applied.isStored { try await pool.withTransaction { session in try await applied.prepare(in: session) } }
        if isStale, !status.isStale {
            logger.warning(
                "the folder has changed: the tables are kept current as they were made, until they are rebuilt",
                metadata: ["applied": "\(checkpoint.version)", "folder": "\(digest)"])
        }
        return AppliedVersion(build: Build(number: checkpoint.build, model: applied, version: checkpoint.version), isStale: isStale)
    }

    /// What a folder is refused for is mended there. What is stored can't be, so it stops this read model alone until it is rebuilt.
    private func storedVersion(_ version: String) async throws -> ReadModel {
        do {
            let stored = try await ReadModel.stored(model.name, version: version, catalog: catalog, in: pool)
            try await pool.withTransaction { session in try await stored.prepare(in: session) }
            return stored
        } catch let error as ReadModelError {
            throw ProjectorStop.unusable(version: version, reason: error.description)
        }
    }

    /// Where the tables are now.
    func readCheckpoint() async throws -> Checkpoint {
        guard let checkpoint = try await Checkpoint.read(model.name, from: pool) else {
            throw ReadModelError(file: model.name, reason: "its checkpoint is gone")
        }
        return checkpoint
    }

    /// The schema, its tables, the stored SQL and the checkpoint: all of it or nothing.
    func createIfNew() async throws {
        if try await Checkpoint.read(model.name, from: pool) != nil { return }
        let digest = try await model.version(by: pool)
        let isNew = try await pool.withTransaction { session in
            // Two processes may start at once.
            try await session.query(.lockReadModel, [.text(model.name)])
            guard try await session.query(.hasCheckpoint, [.text(model.name)]).count == 0 else { return false }
            try await session.execute(script: "CREATE SCHEMA \(model.name)")
            try await model.define([model.tables, model.indexes], in: session)
            try await model.prepare(in: session)
            try await session.query(.storeReadModelVersion, [.text(model.name), .text(digest), .jsonb(model.canonicalSQL)])
            try await session.query(.createCheckpoint, [.text(model.name), .text(digest)])
            return true
        }
        if isNew { logger.info("made the tables", metadata: ["version": "\(digest)"]) }
    }
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
    fileprivate static let hasCheckpoint = Statement("has_checkpoint", "SELECT FROM annals.checkpoints WHERE model = $1")
    fileprivate static let createCheckpoint = Statement(
        "create_checkpoint", "INSERT INTO annals.checkpoints (model, version, folder_version) VALUES ($1, $2, $2)")
    fileprivate static let isStale = Statement("is_stale", "SELECT version <> folder_version FROM annals.checkpoints WHERE model = $1")
    fileprivate static let noteFolderVersion = Statement(
        "note_folder_version", "UPDATE annals.checkpoints SET folder_version = $2 WHERE model = $1 AND folder_version <> $2")
}
