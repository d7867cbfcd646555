import Logging
import Postgres

extension Databases {
    /// Has each database as this program needs it: in the right encoding, migrated, with the services' roles and rights, and on a server that keeps
    /// what it acknowledges. Throws a `Failure` that names the database and says what to do.
    /// - Parameters:
    ///   - mayLack: what servers may have off all the same.
    ///   - note: told what was applied to each.
    func prepare(
        _ installation: Installation, statementTimeout: Duration?, mayLack: [Safeguard], logger: Logger,
        note: (_ name: String, _ applied: [AppliedMigration]) -> Void = { _, _ in }
    ) async throws {
        var unsafe: [String] = []
        for (name, target) in all {
            // Queries may read from a standby, which can't be changed.
            let primary = name == "read" ? readDirect : target
            let applied = try await explaining(name, at: primary) {
                let pins =
                    target.pooling == .transaction ? RolePins(name: name, target: target, statementTimeout: statementTimeout, logger: logger) : nil
                let off = try await DatabaseCheck(name: name, target: primary, logger: logger).run()
                if !off.isEmpty { unsafe.append("\(name): \(off.map(\.rawValue).joined(separator: ", "))") }
                // Read models can be made anew.
                if name != "read" { try Safeguard.refuse(off.filter { !mayLack.contains($0) }, of: name) }
                try await pins?.settle([target.user])
                let applied = try await Migrator(directory: installation.migrations(name), logger: logger).migrate(primary)
                try await pins?.settle(pins?.services ?? [])
                try await StoredGuards.require(name, primary, logger: logger)
                return applied
            }
            note(name, applied)
        }
        if !unsafe.isEmpty {
            logger.warning(
                "a crash of the database's machine may lose or damage what was acknowledged: set fsync and full_page_writes to on",
                metadata: ["off": "\(unsafe.joined(separator: "; "))"])
        }
    }

    /// Lends connections to one of the databases. A database that does not answer is named at once, and so is one that fails later.
    func withPool<Value: Sendable>(
        _ name: String, _ target: ConnectionTarget, logger: Logger, _ body: (ConnectionPool) async throws -> Value
    ) async throws -> Value {
        try await explaining(name, at: target) {
            try await ConnectionPool.withPool(target, logger: logger) { pool in
                try await pool.query(.answers)
                return try await body(pool)
            }
        }
    }

    /// Runs `body`, which works on the database; a fault becomes one line that says which it is.
    func explaining<Value>(_ name: String, at target: ConnectionTarget? = nil, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as MigrationError {
            throw Failure(error, in: name)
        } catch let error as PostgresError {
            let target = target ?? all.first { $0.name == name }?.target
            throw Failure("the \(name) database\(target.map { " at \($0.redacted)" } ?? "") \(error.fault)")
        }
    }
}

extension Failure {
    /// A migration error of one of the databases, with what to do where there is something.
    init(_ error: MigrationError, in database: String) {
        let remedy =
            switch error {
            case .otherBuild:
                """
                . Nothing leads from there to this build: keep the data for that one, and give this one another --data-dir or empty databases
                """
            case .edited, .databaseIsNewer, .outOfOrder, .misnamed, .failed, .unreadable: ""
            }
        self.init("the \(database) database: \(error)\(remedy)")
    }
}

extension PostgresError {
    /// The fault of the database, as the end of a sentence about it.
    var fault: String {
        switch kind {
        case .connection where sqlState == .unknownDatabase: "is not there: \(connectReason ?? message)"
        case .connection where isRefusedLogin: "does not let us in: \(connectReason ?? message)"
        case .connection: "does not answer: \(connectReason ?? message)"
        case .server(.insufficientPrivilege) where message.contains("session_replication_role"):
            "has session_replication_role set, which switches triggers and foreign keys off: a superuser must RESET it on the database and its roles"
        case .server(let state): "refuses: \(message) (SQLSTATE \(state.rawValue))"
        case .poolTimeout, .deadline: "does not answer in time"
        case .cancelled, .configuration: "can't be used: \(message)"
        }
    }
}

extension Statement {
    fileprivate static let answers = Statement("database_answers", "SELECT 1")
}
