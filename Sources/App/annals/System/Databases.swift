import Logging
import Postgres
import PrivatePostgres

/// The four databases, each as its owner reaches it; `acting(as:)` narrows to one service's rights.
struct Databases: Sendable {
    let log: ConnectionTarget
    let read: ConnectionTarget
    let identity: ConnectionTarget
    let vault: ConnectionTarget
    /// Where the log can be listened to; nil when there is only a pooler: then it is polled.
    let logDirect: ConnectionTarget?
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
        func pooled(_ url: String, _ name: String) throws -> ConnectionTarget {
            var target = try target(url, name)
            target.pooling = urls.pooling
            return target
        }
        log = try pooled(urls.log, "LOG")
        read = try pooled(urls.read, "READ")
        identity = try pooled(urls.identity, "IDENTITY")
        vault = try pooled(urls.vault, "VAULT")
        let logDirect = try urls.logDirect.map { try target($0, "LOG_DIRECT") }
        let readDirect = try urls.readDirect.map { try target($0, "READ_DIRECT") }
        switch urls.pooling {
        case .session:
            self.logDirect = logDirect ?? log
            self.readDirect = readDirect ?? read
        case .transaction:
            self.logDirect = logDirect
            guard let readDirect else {
                throw Failure("ANNALS_READ_DIRECT_URL must be set with ANNALS_POOLING=transaction: projectors need sessions of their own")
            }
            self.readDirect = readDirect
        }
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
                try await Self.requirements(name).confirm(target, logger: logger)
                _ = try await Migrator(directory: installation.migrations(name), logger: logger).migrate(target)
            } catch let fault as DatabaseFault {
                throw Failure("\(fault)")
            } catch let error as MigrationError {
                throw Failure(error, in: name)
            } catch let error as PostgresError {
                switch error.kind {
                case .server(let state):
                    throw Failure("the \(name) database at \(target.redacted) refuses the migrations: \(error.message) (SQLSTATE \(state.rawValue))")
                case .connection, .poolTimeout, .deadline, .cancelled, .configuration:
                    throw Failure("the \(name) database at \(target.redacted) does not answer: \(error)")
                }
            }
        }
    }

    /// The roles that the migrations give rights to, and where.
    private static func requirements(_ name: String) -> DatabaseRequirements {
        let (schema, services) =
            switch name {
            case "log": ("log", ["commands", "projector", "auth"])
            case "read": ("annals", ["projector", "queries"])
            case "identity": ("identity", ["auth"])
            default: ("vault", ["commands", "projector", "auth"])
            }
        return DatabaseRequirements(name: name, schema: schema, roles: services.map { "annals_" + $0 })
    }
}

extension Failure {
    /// What is wrong with the migrations of a database and, where there is a remedy, what to do.
    init(_ error: MigrationError, in database: String) {
        let remedy =
            switch error {
            case .otherBuild:
                ". Nothing leads from there to this build: keep the data for that one, and give this one another --data-dir or empty databases"
            case .edited, .databaseIsNewer, .outOfOrder, .misnamed, .failed, .unreadable: ""
            }
        self.init("the \(database) database: \(error)\(remedy)")
    }
}

extension ConnectionTarget {
    /// The same database with the rights of one service only: the role is taken after the login, or is the login where a session's role would not
    /// stay.
    func acting(as role: String) -> ConnectionTarget {
        var target = self
        switch pooling {
        case .session: target.role = role
        case .transaction: target = login(role)
        }
        target.applicationName = role
        return target
    }
}
