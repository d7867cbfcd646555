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
    /// The master key itself, for where files are harder to keep than the environment.
    var masterKey: String?
    /// What the door lets in, and how often.
    var door = DoorSettings()
    /// Whether the projector rebuilds by itself what has become stale.
    var rebuildsStale = false
    var logLevel = Logger.Level.notice
}

/// A URL a database. The direct ones are for LISTEN and for what needs a session, beside a pooler. Without them it is the same URL, unless that is a pooler's.
struct DatabaseURLs: Sendable {
    var log: String
    var read: String
    var identity: String
    var vault: String
    var logDirect: String?
    var readDirect: String?
    /// What the four lead through.
    var pooling = Pooling.session
}
