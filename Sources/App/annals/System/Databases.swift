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
        guard let log = urls.log, let read = urls.read, let identity = urls.identity, let vault = urls.vault else {
            let missing = zip(Self.names, [urls.log, urls.read, urls.identity, urls.vault]).filter { $0.1 == nil }
            let variables = missing.map { "ANNALS_\($0.0.uppercased())_URL" }.joined(separator: ", ")
            throw Failure("\(variables) must be set too: the four databases go together")
        }
        self.log = try urls.target(log, "LOG")
        self.read = try urls.target(read, "READ")
        self.identity = try urls.target(identity, "IDENTITY")
        self.vault = try urls.target(vault, "VAULT")
        logDirect = try urls.direct(urls.logDirect, "LOG_DIRECT", besides: self.log)
        guard let readDirect = try urls.direct(urls.readDirect, "READ_DIRECT", besides: self.read) else {
            throw Failure("ANNALS_READ_DIRECT_URL must be set with ANNALS_POOLING=transaction: projectors need sessions of their own")
        }
        self.readDirect = readDirect
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

extension DatabaseURLs {
    /// The database at one of the URLs, through the pooler if there is one.
    func target(_ url: String, _ name: String) throws -> ConnectionTarget {
        var target = try Self.parse(url, name)
        target.pooling = pooling
        return target
    }

    /// The database where sessions are kept: at a URL of its own, or, without a pooler in transaction mode, where all else is.
    func direct(_ url: String?, _ name: String, besides pooled: ConnectionTarget?) throws -> ConnectionTarget? {
        if let url { return try Self.parse(url, name) }
        return pooling == .session ? pooled : nil
    }

    private static func parse(_ url: String, _ name: String) throws -> ConnectionTarget {
        do {
            return try ConnectionTarget(url: url)
        } catch {
            throw Failure("ANNALS_\(name)_URL is not a PostgreSQL URL")
        }
    }
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
