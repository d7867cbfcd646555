import ArgumentParser
import AuthService
import FoundationEssentials
import Gateway
import Logging
import Postgres
import PrivatePostgres
import Telemetry
import Upstreams

/// How this process is set up: flags over environment over a file over defaults.
struct Settings: Sendable {
    var host = "127.0.0.1"
    var port = 3000
    /// Where keys and the private PostgreSQL lie.
    var dataDirectory = ".annals"
    /// Where backups of the private PostgreSQL are kept and its WAL is archived; nil archives none.
    var backupFolder: String?
    /// The folder of migrations, projections and pages; nil looks for it.
    var root: String?
    /// The databases, as far as this process is told of them; nil makes and runs a private PostgreSQL.
    var databases: DatabaseURLs?
    /// Safeguards that the servers of the databases may have off, although a crash may then take back what was acknowledged.
    var databasesMayLack: [Safeguard] = []
    /// The limits of a pool, as far as a service does not need others.
    var pools = PoolLimits()
    /// The size of the answers that the query service keeps, in bytes; nil keeps none.
    var keptAnswers: Int? = 16 << 20
    /// Where the master key is read from; nil keeps one in the data directory.
    var masterKeyFile: String?
    /// The key that audit checkpoints are signed with; nil keeps one in the data directory.
    var auditKeyFile: String?
    /// The log's name in audit checkpoints; nil leaves it to the key.
    var auditOrigin: String?
    /// The master key itself, where secrets are easier to keep in the environment than in files.
    var masterKey: String?
    /// The PEM files with which the gateway speaks TLS; nil speaks plainly.
    var tls: TLSFiles?
    /// The gateway's server: its limits, origins and proxies.
    var gateway = GatewaySettings()
    var rateLimits = RateLimitSettings()
    /// How gateways share these limits, where there is a Redis.
    var sharedLimits = SharedLimits.Settings()
    /// Where Redis is; nil does without.
    var redisURL: String?
    /// Where services listen for other processes and find each other.
    var services = ServiceSettings()
    /// How services of other processes are called.
    var upstreams = UpstreamSettings()
    /// How long a process that `serve` runs still answers after it was told to stop.
    var drain = Duration.seconds(3)
    /// The lifetimes of tokens and sessions.
    var auth = AuthSettings()
    var relay = RelaySettings()
    /// Whether stale read models are rebuilt after the start.
    var rebuildsStale = false
    var logLevel = Logger.Level.notice
    var logFormat = LogFormat.auto
    /// Lines of the access log a second; nil for none.
    var accessLogRate: Int? = 100
    /// Where spans are sent; nil records none.
    var otlpURL: String?
    /// The share of traces that is recorded where no caller has decided.
    var traceRatio = 1.0
    /// How long requests and tasks under way may take when the process is told to stop.
    var drainTimeout = Duration.seconds(10)
    /// The port of `/metrics`; nil serves none.
    var metricsPort: Int? = 9464
    /// Each setting as it was read.
    private(set) var table: [Setting] = []
    /// Names that are configured and are no settings, a line each.
    private(set) var complaints: [String] = []
}

/// Where the gateway's certificate and its key are.
struct TLSFiles: Sendable {
    let certificate: String
    let key: String
}

/// One URL for each database. The direct ones lead past a pooler, for LISTEN and for whatever needs a session; without a pooler the same URL serves
/// both.
struct DatabaseURLs: Sendable {
    var log: String?
    var read: String?
    var identity: String?
    var vault: String?
    var logDirect: String?
    var readDirect: String?
    /// The kind of pooler that the four lead through.
    var pooling = Pooling.session
}

/// The flags of every command that reaches the system.
struct SettingsFlags: ParsableArguments {
    @Option(help: "Port that the system listens on. (ANNALS_PORT, 3000)")
    var port: Int?

    @Option(help: "Address that the system listens on. (ANNALS_HOST, 127.0.0.1)")
    var host: String?

    @Option(help: "Folder of the keys and the private PostgreSQL. (ANNALS_DATA_DIR, .annals)")
    var dataDir: String?

    @Option(help: "Least severe level to log: trace, debug, info, notice, warning, error or critical. (ANNALS_LOG_LEVEL, notice)")
    var logLevel: String?

    /// By the settings' keys.
    fileprivate var values: [String: String] {
        let values = ["port": port.map(String.init), "host": host, "dataDir": dataDir, "logLevel": logLevel]
        return values.compactMapValues { $0 }
    }
}

extension Settings {
    /// The folder of backups.
    var backups: BackupFolder? {
        backupFolder.map { BackupFolder($0.hasPrefix("/") ? $0 : FileManager.default.currentDirectoryPath + "/" + $0) }
    }

    /// The address of the gateway on this machine.
    func address(port: Int) -> String {
        "\(tls == nil ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }

    /// Reads the settings, of secrets only those of the services that this process runs.
    static func read(
        _ flags: SettingsFlags, environment: [String: String] = ProcessInfo.processInfo.environment, for services: [Setting.Service] = .all
    ) async throws -> Settings {
        var settings = Settings()
        let reader = SettingReader(flags: flags.values, environment: environment, services: services)
        try settings.read(by: reader)
        settings.table = reader.table
        settings.complaints = reader.complaints
        return settings
    }
}
