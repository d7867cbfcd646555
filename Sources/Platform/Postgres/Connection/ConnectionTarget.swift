import CLibpq

/// Where and how to connect.
///
/// Kept as libpq's keywords and values, never as one string: a password can't end up in a log by way of an interpolated target.
package struct ConnectionTarget: Sendable {
    /// libpq's parameters. Several hosts stand in one value, separated by commas.
    var keywords: [String: String]
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
