import ArgumentParser
import EventSourcing
import Logging
import Postgres
import PrivatePostgres
import Synchronization

/// The proof of a restored data folder: a start of its databases with its keys, `audit verify` and `projections verify`.
struct Proof: Sendable {
    /// The end of the log, and whether everything fits it.
    struct Outcome: Sendable {
        let position: Int64
        let recordedAt: Timestamp?
        let isProven: Bool
    }

    let settings: Settings
    let directory: DataDirectory
    let logger: Logger
    var hasReadModels = false
    var json = false

    /// Throws a `Failure` unless the keys in the folder open what its databases hold.
    func requireKeys() async throws {
        try await withPrivateDatabases(directory, logger: logger) { databases in
            try directory.requirePrivateKeys(logger)
            try await settleKeys(of: databases)
        }
    }

    private func settleKeys(of databases: Databases) async throws {
        let files = KeyFiles(settings: settings, directory: directory, logger: logger)
        try await InstallationKeys(files: files, databases: databases, isReplacing: false).settle()
    }

    func run() async throws -> Outcome {
        let installation = try Installation.locate(settings)
        let outcome = Mutex<Outcome?>(nil)
        try await withPrivateDatabases(directory, logger: logger) { databases in
            let operation = Operation(settings: settings, installation: installation, databases: databases, directory: directory, logger: logger)
            try directory.requirePrivateKeys(logger)
            try await settleKeys(of: databases)
            let (position, recordedAt) = try await operation.withPool("log", databases.log) { pool -> (Int64, Timestamp?) in
                guard let row = try await pool.query(.lastEvent).first else { return (0, nil) }
                return (try row.get(0), Timestamp(milliseconds: try row.milliseconds(1)))
            }
            let isSigned = try await fits { try await AuditVerify.parse([]).verifyLog(nil, on: operation, json: json) }
            let isFolded = hasReadModels ? try await Verify.parse(["--all"]).areEqual(on: operation, json: json) : true
            outcome.withLock { $0 = Outcome(position: position, recordedAt: recordedAt, isProven: isSigned && isFolded) }
        }
        guard let outcome = outcome.withLock({ $0 }) else { throw CancellationError() }
        return outcome
    }

    /// A difference is told and ends nothing: the next proof may say more.
    private func fits(_ check: () async throws -> Void) async throws -> Bool {
        do {
            try await check()
            return true
        } catch let failure as Failure where failure.code == .difference {
            printError("annals: \(failure.message)")
            return false
        }
    }
}

extension Statement {
    fileprivate static let lastEvent = Statement("last_event", "SELECT position, recorded_at FROM log.events ORDER BY position DESC LIMIT 1")
}
