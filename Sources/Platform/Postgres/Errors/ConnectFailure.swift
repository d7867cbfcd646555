/// Reads what libpq says about a connection that couldn't be made.
///
/// libpq gives no SQLSTATE there, and the server may speak any language. With `PQERRORS_VERBOSE` the code stands in the text, in any language:
/// `connection to server … failed: FATAL:  28P01: password authentication failed for user "ann"`, then a line `LOCATION:  …`.
struct ConnectFailure {
    /// The server's code; nil when no server answered.
    let sqlState: SQLState?
    /// One line for the operator: the server's own words, or libpq's. Names accounts, databases and addresses, never data or a password.
    let reason: String

    /// - Parameter message: `PQerrorMessage` of the failed attempt. Of several hosts the last one's answer counts.
    init(_ message: String) {
        let lines = message.split(separator: "\n").filter { !$0.hasPrefix("LOCATION:") }
        if let (state, words) = lines.reversed().lazy.compactMap(Self.serversWords).first {
            sqlState = state
            reason = words
        } else {
            sqlState = nil
            let line = lines.last { $0.contains("failed: ") } ?? lines.first ?? "no reason was given"
            reason = String(line.firstRange(of: "failed: ").map { line[$0.upperBound...] } ?? line)
        }
    }

    /// The code, and what follows it.
    private static func serversWords(_ line: Substring) -> (SQLState, String)? {
        let parts = line.split(separator: ": ")
        for (place, part) in parts.enumerated().dropFirst() where place + 1 < parts.count {
            let code = part.drop { $0 == " " }
            // `FATAL` and `PANIC` have five capitals, too; a code has a digit.
            guard code.utf8.count == 5, code.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }),
                code.utf8.contains(where: { (0x30...0x39).contains($0) })
            else { continue }
            return (SQLState(rawValue: String(code)), parts[(place + 1)...].joined(separator: ": "))
        }
        return nil
    }
}

extension PostgresError {
    /// A connection that couldn't be made, from `PQerrorMessage`.
    init(connectFailure message: String) {
        let failure = ConnectFailure(message)
        self.init(.connection, failure.reason, report: failure.sqlState.map { ServerReport(sqlState: $0) })
        connectReason = failure.reason
    }

    /// The server wants a password, and there is none.
    init(noPasswordFor user: String) {
        let reason = "the server wants a password for \"\(user)\", and there is none"
        self.init(.connection, reason, report: ServerReport(sqlState: SQLState(rawValue: "28P01")))
        connectReason = reason
    }

    /// Whether waiting can't help a connection that couldn't be made: the server is there, and refuses this account or does not have this database.
    package var isRefusedLogin: Bool {
        guard kind == .connection, connectReason != nil, let sqlState else { return false }
        return sqlState.classCode == "28" || sqlState == .unknownDatabase || sqlState == .insufficientPrivilege
    }
}
