import Logging
import Postgres
import PrivatePostgres

/// The four databases, each as its owner reaches it; `as(_:)` narrows to one service's rights.
struct Databases: Sendable {
    let log: ConnectionTarget
    let read: ConnectionTarget
    let identity: ConnectionTarget
    let vault: ConnectionTarget
    let logDirect: ConnectionTarget
    let readDirect: ConnectionTarget

    static let names = ["log", "read", "identity", "vault"]

    /// By the URLs that the settings name.
    init(_ urls: DatabaseURLs) throws {
        func target(_ url: String, _ name: String) throws -> ConnectionTarget {
            do {
                return try ConnectionTarget(url: url)
            } catch {
                throw Failure("ANNALS_\(name)_URL is not a PostgreSQL URL")
            }
        }
        log = try target(urls.log, "LOG")
        read = try target(urls.read, "READ")
        identity = try target(urls.identity, "IDENTITY")
        vault = try target(urls.vault, "VAULT")
        logDirect = try urls.logDirect.map { try target($0, "LOG_DIRECT") } ?? log
        readDirect = try urls.readDirect.map { try target($0, "READ_DIRECT") } ?? read
    }

    /// In the private server.
    init(_ server: (String) -> ConnectionTarget) {
        log = server("annals_log")
        read = server("annals_read")
        identity = server("annals_identity")
        vault = server("annals_vault")
        logDirect = log
        readDirect = read
    }

    var all: [(name: String, target: ConnectionTarget)] { [("log", log), ("read", read), ("identity", identity), ("vault", vault)] }

    /// Applies what each database lacks.
    func migrate(_ installation: Installation, logger: Logger) async throws {
        for (name, target) in all {
            do {
                _ = try await Migrator(directory: installation.migrations(name), logger: logger).migrate(target)
            } catch let error as MigrationError {
                throw Failure("the \(name) database: \(error)")
            } catch let error as PostgresError {
                switch error.kind {
                case .server(let state):
                    throw Failure("the \(name) database at \(target.redacted) refuses the migrations: SQLSTATE \(state.rawValue)")
                case .connection, .poolTimeout, .deadline, .cancelled, .configuration:
                    throw Failure("the \(name) database at \(target.redacted) does not answer: \(error)")
                }
            }
        }
    }
}

extension ConnectionTarget {
    /// The same database with the rights of one service only.
    func acting(as role: String) -> ConnectionTarget {
        var target = self
        target.role = role
        target.applicationName = role
        return target
    }
}
