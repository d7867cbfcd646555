import CLibpq

/// Where and how to connect.
///
/// Kept as libpq's keywords and values, never as one string: a password can't end up in a log by way of an interpolated target.
package struct ConnectionTarget: Sendable {
    /// libpq's parameters. Several hosts stand in one value, separated by commas.
    var keywords: [String: String]
    /// Whether connections may lead to different servers.
    package var namesSeveralHosts: Bool { ["host", "hostaddr"].contains { keywords[$0]?.contains(",") ?? false } }
    /// `SET ROLE` after connecting, where the login is another.
    package var role: String?
    /// Whether a pooler stands between here and the server.
    package var pooling = Pooling.session
    /// Shown in `pg_stat_activity`.
    package var applicationName = "annals"
    /// Settings made after connecting, such as `lock_timeout`. With `Pooling.transaction` they belong on the role instead.
    package var settings: [String: String] = [:]

    /// From `postgres://user:password@host:port/database?…` or `key=value` pairs, as libpq reads them: several hosts, a socket as
    /// `host=/path` or `%2Fpath`. Throws `.configuration` without quoting the text, which may hold a password.
    package init(url: String) throws(PostgresError) {
        var complaint: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &complaint) else {
            // libpq quotes the part that it couldn't read; that may be a piece of the password.
            let reason = complaint.map { String(cString: $0).prefix { $0 != "\"" && $0 != ":" } } ?? ""
            PQfreemem(complaint)
            throw PostgresError(.configuration, "the database URL isn't valid: \(reason)")
        }
        defer { PQconninfoFree(options) }
        keywords = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { keywords[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        if let name = keywords["application_name"] { applicationName = name }
    }

    /// A server on this machine, by the folder of its socket.
    package init(socketDirectory: String, port: Int, user: String, database: String) {
        keywords = ["host": socketDirectory, "port": String(port), "user": user, "dbname": database]
    }

    /// The database's name; libpq's default, the user's name, when nothing was said.
    package var database: String {
        get { keywords["dbname"] ?? user }
        set { keywords["dbname"] = newValue }
    }

    /// The user of the login.
    package var user: String {
        get { keywords["user"] ?? "" }
        set { keywords["user"] = newValue }
    }

    /// The same server, another database.
    package func database(_ name: String) -> ConnectionTarget {
        var target = self
        target.database = name
        return target
    }

    /// The same database by another login. The password, if there was one, was not this login's: libpq looks for its own in the password file.
    package func login(_ name: String) -> ConnectionTarget {
        var target = self
        if user != name { target.keywords["password"] = nil }
        target.user = name
        return target
    }

    /// For logs: host, port, user and database, and that there is a password.
    package var redacted: String {
        let shown = ["host", "port", "user", "dbname"].compactMap { key in keywords[key].map { "\(key)=\($0)" } }
        return (shown + (keywords["password"] == nil ? [] : ["password=<redacted>"])).joined(separator: " ")
    }
}

extension ConnectionTarget: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The same as `redacted`.
    package var description: String { redacted }
    /// The same as `redacted`.
    package var debugDescription: String { redacted }
    /// Empty: a dump must not show the password.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// How a connection comes to a server process.
package enum Pooling: String, CaseIterable, Sendable {
    /// By itself, or through a pooler that keeps one for it: settings of the session stay.
    case session
    /// Through a pooler that lends one for each transaction. Nothing is set in the session or prepared by name: it would be left to strangers, and
    /// the next transaction would not find it. The login has to be the role, and settings belong on the role.
    case transaction
}

/// How statements reach the server.
package enum PreparationMode: Sendable {
    /// Prepared once per connection, on first use.
    case named
    /// Parsed each time: for poolers in transaction mode, where the next query may meet another server process.
    case unnamed
}

extension ConnectionTarget {
    /// Everything for `PQconnectStartParams`.
    var connectKeywords: [String: String] {
        var all = keywords
        all["client_encoding"] = "UTF8"
        all["application_name"] = applicationName
        // A peer that vanished without a word is noticed within a minute.
        for (key, value) in ["keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"] where all[key] == nil {
            all[key] = value
        }
        return all
    }

    /// Sent as one group once connected. `set_config` takes names and values as parameters, so nothing needs quoting.
    ///
    /// Nothing for a session that is not kept. Throws `.configuration` when such a one would need a role or a setting: to do without would give it
    /// other rights.
    func setupQueries(statementTimeout: Duration?) throws(PostgresError) -> [Query] {
        let needsRole = role != nil && role != user
        if pooling == .transaction {
            guard !needsRole else { throw PostgresError(.configuration, "through a pooler in transaction mode the login must be the role itself") }
            guard settings.isEmpty else { throw PostgresError(.configuration, "through a pooler in transaction mode settings belong on the role") }
            return []
        }
        var queries = [Query(.pinSession)]
        func set(_ name: String, _ value: String) { queries.append(Query(.setConfiguration, [.text(name), .text(value)])) }
        // The timeout first: after SET ROLE a setting may be forbidden.
        set("statement_timeout", "\(statementTimeout?.milliseconds ?? 0)")
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { set(name, value) }
        if needsRole, let role { set("role", role) }
        return queries
    }
}

/// The promises of a session do not depend on what was set for the database or the role. A commit that is acknowledged is on the disk, so `off` and
/// `local` become `on`; what waits for standbys is the operator's choice and stays. A statement sees what was committed before it, writes, and reads
/// times in UTC. It ends only when this program wants it to. Triggers and foreign keys work. A setting that this server does not have is passed over.
private let wrongSettings = """
    FROM (VALUES
        ('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'), ('default_transaction_deferrable', 'off'),
        (
            'synchronous_commit',
            CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END
        ),
        ('session_replication_role', 'origin'),
        ('lock_timeout', '0'), ('transaction_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),
        ('TimeZone', 'UTC'), ('DateStyle', 'ISO, MDY'), ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'),
        ('standard_conforming_strings', 'on'), ('array_nulls', 'on'), ('search_path', '"$user", public')
    ) AS pinned (name, setting)
    WHERE current_setting(pinned.name, true) <> pinned.setting
    """

extension Statement {
    fileprivate static let pinSession = Statement("pin_session", "SELECT set_config(pinned.name, pinned.setting, false) \(wrongSettings)")

    /// The settings of this session that break a promise, each with the value that keeps it. For sessions that are not ours to set: their role is.
    package static let brokenPromises = Statement("broken_promises", "SELECT pinned.name, pinned.setting \(wrongSettings)")

    fileprivate static let setConfiguration = Statement("set_config", "SELECT set_config($1, $2, false)")
}

extension Duration {
    /// Whole milliseconds, rounded down.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
