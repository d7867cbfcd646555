import AuthService
import Logging
import Postgres

/// How this process is set up: flags over environment over a file over defaults.
struct Settings: Sendable {
    var host = "127.0.0.1"
    var port = 3000
    /// Where keys and the private PostgreSQL lie.
    var dataDirectory = ".annals"
    /// The four databases; nil makes and runs a private PostgreSQL.
    var databases: DatabaseURLs?
    /// Where the master key is read from; nil keeps one in the data directory.
    var masterKeyFile: String?
    /// The key that audit checkpoints are signed with; nil keeps one in the data directory.
    var auditKeyFile: String?
    /// The log's name in audit checkpoints; nil leaves it to the key.
    var auditOrigin: String?
    /// The master key itself, where secrets are easier to keep in the environment than in files.
    var masterKey: String?
    /// Limits of the HTTP server.
    var server = ServerSettings()
    /// How long a refresh token may be used again after its first use.
    var refreshGrace = AuthSettings().refreshGrace
    /// Whether stale read models are rebuilt after the start.
    var rebuildsStale = false
    var logLevel = Logger.Level.notice
}

/// One URL for each database. The direct ones lead past a pooler, for LISTEN and for whatever needs a session; without a pooler the same URL serves
/// both.
struct DatabaseURLs: Sendable {
    var log: String
    var read: String
    var identity: String
    var vault: String
    var logDirect: String?
    var readDirect: String?
    /// The kind of pooler that the four lead through.
    var pooling = Pooling.session
}
