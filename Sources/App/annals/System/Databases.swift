import Logging
import Postgres
import PrivatePostgres

/// The four databases, each as its owner reaches it. `acting(as:)` narrows the rights to one service's.
struct Databases: Sendable {
    let log: ConnectionTarget
    let read: ConnectionTarget
    let identity: ConnectionTarget
    let vault: ConnectionTarget
    /// Where LISTEN works on the log; nil behind a pooler without a direct URL, and then the log is polled.
    let logDirect: ConnectionTarget?
    let readDirect: ConnectionTarget

    static let names = ["log", "read", "identity", "vault"]

    /// At the URLs of the settings.
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
}

extension ConnectionTarget {
    /// The same database with the rights of one service. The role is taken after the login; behind a pooler, where it would not stay, it is the
    /// login.
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
