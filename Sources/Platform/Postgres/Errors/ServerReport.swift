import CLibpq

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

    /// Of a server that refused a connection: libpq hands on nothing more.
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
