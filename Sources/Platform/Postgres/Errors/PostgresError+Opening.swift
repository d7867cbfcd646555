extension PostgresError {
    /// A connection that could not be opened, by libpq's verbose message: a line for each host that was tried, with the SQLSTATE where a server
    /// answered.
    init(opening complaint: String, needsPassword: Bool) {
        var (lines, states, attempts) = ([String](), [SQLState](), 0)
        for line in complaint.split(whereSeparator: \.isNewline) {
            var words = line.split(separator: ": ").map { String($0.drop { $0.isWhitespace }) }
            guard words.first != "LOCATION" else { continue }
            if line.hasPrefix("connection to server") { attempts += 1 }
            if let index = words.firstIndex(where: \.isSQLState) {
                states.append(SQLState(rawValue: words.remove(at: index)))
            }
            let text = words.joined(separator: ": ")
            // With `sslmode=prefer` libpq asks a server twice, and is told the same twice.
            if !lines.contains(text) { lines.append(text) }
        }
        self.init(.connection, lines.joined(separator: "; "), report: states.last.map { ServerReport(sqlState: $0) })
        isAboutOpening = true
        isRefusedLogin = needsPassword || !states.isEmpty && states.count >= attempts && states.allSatisfy(\.refusesLogin)
    }

    /// A connection that could not be opened for a reason of this machine's.
    static func notOpened(_ reason: String) -> PostgresError {
        var error = PostgresError(.connection, reason)
        error.isAboutOpening = true
        return error
    }
}

extension SQLState {
    /// Wrong password or no entry in `pg_hba.conf` (class 28), no such database, no right to connect, a database that takes no connections.
    fileprivate var refusesLogin: Bool { classCode == "28" || ["3D000", "42501", "55000"].contains(rawValue) }
}

extension String {
    /// Five digits or capitals, at least one of them a digit: `FATAL` is none.
    fileprivate var isSQLState: Bool {
        utf8.count == 5 && utf8.contains { 0x30...0x39 ~= $0 } && utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 }
    }
}
