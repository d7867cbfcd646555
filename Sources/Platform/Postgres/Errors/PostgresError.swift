import CLibpq

/// A failure of PostgreSQL or of the way to it, sorted by the caller's remedy.
package struct PostgresError: Error {
    /// The caller's remedies differ by these.
    package enum Kind: Sendable, Hashable {
        /// The server refused the statement.
        case server(SQLState)
        /// The connection couldn't be made or was lost.
        case connection
        /// No connection came free in time.
        case poolTimeout
        /// The statement took longer than it may.
        case deadline
        /// The task was cancelled, or the time of its request was up.
        case cancelled
        /// The program or its settings are wrong: nothing was sent.
        case configuration
    }

    /// The sort of failure.
    package let kind: Kind
    /// The server's or libpq's own words. They may quote data: for logs, not for clients.
    package let message: String
    /// 0-based index of the failing query in a group, when known.
    package var failedQuery: Int?
    /// True when the request may or may not have been executed: the connection was lost after it was sent.
    package var outcomeUnknown: Bool
    /// Nothing of the request reached a server, so it may go to another connection.
    var isUnsent = false
    /// Why a connection couldn't be made, in one line that may be shown; nil for every other failure.
    package internal(set) var connectReason: String?
    private let report: ServerReport?

    init(_ kind: Kind, _ message: String, outcomeUnknown: Bool = false, report: ServerReport? = nil) {
        self.kind = kind
        self.message = message
        self.outcomeUnknown = outcomeUnknown
        self.report = report
    }

    /// The SQLSTATE when the server spoke, for any kind.
    package var sqlState: SQLState? { report?.sqlState }
    /// The server's DETAIL. Often quotes the row.
    package var detail: String? { report?.detail }
    /// The server's HINT.
    package var hint: String? { report?.hint }
    /// The violated constraint's name.
    package var constraint: String? { report?.constraint }
    /// The table concerned.
    package var table: String? { report?.table }
    /// The column concerned.
    package var column: String? { report?.column }
    /// 1-based position in the statement's text, in characters.
    package var position: Int? { report?.position }
    /// The name of the `Statement` that failed.
    package var statementName: String? { report?.statementName }

    /// Whether trying again unchanged could help.
    package var isTransient: Bool {
        switch kind {
        case .server(let state): state.isTransient
        case .connection, .poolTimeout, .deadline: true
        case .cancelled, .configuration: false
        }
    }

    /// The same failure seen by a task that has been cancelled.
    var asCancelled: PostgresError {
        var error = PostgresError(.cancelled, message, outcomeUnknown: outcomeUnknown, report: report)
        error.failedQuery = failedQuery
        return error
    }

    static func unsent(_ message: String) -> PostgresError {
        var error = PostgresError(.connection, message)
        error.isUnsent = true
        return error
    }

    static func cancelled(outcomeUnknown: Bool = false) -> PostgresError {
        PostgresError(.cancelled, "the task was cancelled", outcomeUnknown: outcomeUnknown)
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Harmless: no text of the server's gets into it that may quote rows.
    package var description: String {
        switch kind {
        case .server(let state): "PostgresError(server \(state.rawValue))"
        case .connection: "PostgresError(connection\(connectReason.map { ": \($0)" } ?? ""))"
        case .poolTimeout: "PostgresError(pool timeout)"
        case .deadline: "PostgresError(deadline)"
        case .cancelled: "PostgresError(cancelled)"
        case .configuration: "PostgresError(configuration)"
        }
    }

    /// All that is known, except for the bound values.
    package var debugDescription: String {
        var parts = [description, message]
        if let detail { parts.append("detail: \(detail)") }
        if let hint { parts.append("hint: \(hint)") }
        if let constraint { parts.append("constraint: \(constraint)") }
        if let table { parts.append("table: \(table)") }
        if let column { parts.append("column: \(column)") }
        if let position { parts.append("position: \(position)") }
        if let statementName { parts.append("statement: \(statementName)") }
        if let failedQuery { parts.append("query: \(failedQuery)") }
        if outcomeUnknown { parts.append("outcome unknown") }
        return parts.joined(separator: "; ")
    }
}

/// The fields of an error report. A class so that a `PostgresError`, and each result that could be one, stays small.
final class ServerReport: Sendable {
    let sqlState: SQLState
    let detail: String?
    let hint: String?
    let constraint: String?
    let table: String?
    let column: String?
    let position: Int?
    let statementName: String?

    /// Of a server that said no more than its code.
    init(sqlState: SQLState) {
        self.sqlState = sqlState
        (detail, hint, constraint, table, column, position, statementName) = (nil, nil, nil, nil, nil, nil, nil)
    }

    init(_ result: OpaquePointer, sqlState: SQLState, statementName: String?) {
        self.sqlState = sqlState
        self.statementName = statementName
        detail = field(PQ_DIAG_MESSAGE_DETAIL, of: result)
        hint = field(PQ_DIAG_MESSAGE_HINT, of: result)
        constraint = field(PQ_DIAG_CONSTRAINT_NAME, of: result)
        table = field(PQ_DIAG_TABLE_NAME, of: result)
        column = field(PQ_DIAG_COLUMN_NAME, of: result)
        position = field(PQ_DIAG_STATEMENT_POSITION, of: result).flatMap { Int($0) }
    }
}

extension PostgresError {
    /// Reads the error a result holds. The result stays the caller's to clear.
    init(result: OpaquePointer, statementName: String?) {
        let message = field(PQ_DIAG_MESSAGE_PRIMARY, of: result) ?? String(cString: PQresultErrorMessage(result))
        // Without a SQLSTATE it is libpq itself that speaks: the connection is gone.
        guard let code = field(PQ_DIAG_SQLSTATE, of: result) else {
            self.init(.connection, message, outcomeUnknown: true)
            return
        }
        let state = SQLState(rawValue: code)
        // A backend that ends may have committed before it could say so.
        let severity = field(PQ_DIAG_SEVERITY_NONLOCALIZED, of: result)
        self.init(
            state == .queryCanceled ? .deadline : .server(state),
            message,
            outcomeUnknown: severity == "FATAL" || severity == "PANIC",
            report: ServerReport(result, sqlState: state, statementName: statementName)
        )
    }
}

private func field(_ code: Int32, of result: OpaquePointer) -> String? {
    PQresultErrorField(result, code).map { String(cString: $0) }
}
