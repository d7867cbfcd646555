/// PostgreSQL's five-character error code (appendix A of its manual). The first two characters are the class.
package struct SQLState: RawRepresentable, Hashable, Sendable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    /// The first two characters: `23` for integrity violations, `40` for rollbacks, …
    package var classCode: String { String(rawValue.prefix(2)) }

    /// A warning that counts as a failure: see `CommitDoubt`.
    package static let warning = SQLState(rawValue: "01000")
    package static let uniqueViolation = SQLState(rawValue: "23505")
    package static let foreignKeyViolation = SQLState(rawValue: "23503")
    package static let deadlockDetected = SQLState(rawValue: "40P01")
    package static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// A statement timeout or a cancel request.
    package static let queryCanceled = SQLState(rawValue: "57014")
    package static let adminShutdown = SQLState(rawValue: "57P01")
    /// Another backend has crashed.
    package static let crashShutdown = SQLState(rawValue: "57P02")
    /// It is starting, stopping, or a standby that can't answer yet.
    static let cannotConnectNow = SQLState(rawValue: "57P03")
    package static let tooManyConnections = SQLState(rawValue: "53300")
    package static let unknownDatabase = SQLState(rawValue: "3D000")
    /// A write on a standby or in a read-only transaction.
    package static let readOnlyTransaction = SQLState(rawValue: "25006")
    package static let inFailedTransaction = SQLState(rawValue: "25P02")
    /// The server does not know the prepared statement.
    package static let invalidStatementName = SQLState(rawValue: "26000")
    /// Among others "cached plan must not change result type".
    package static let featureNotSupported = SQLState(rawValue: "0A000")
    package static let divisionByZero = SQLState(rawValue: "22012")
    package static let undefinedTable = SQLState(rawValue: "42P01")
    package static let syntaxError = SQLState(rawValue: "42601")
    package static let insufficientPrivilege = SQLState(rawValue: "42501")

    /// Whether the server can't write at the moment: no space, no memory, a broken disk, a crash, or a database that is read-only.
    var tellsOfNoWrites: Bool {
        switch classCode {
        case "53": self != .tooManyConnections
        case "58": true
        default: self == .readOnlyTransaction || self == .crashShutdown
        }
    }

    /// Whether the same statement may succeed when sent again unchanged.
    var isTransient: Bool {
        switch classCode {
        // an unconfirmed commit, connection, rollback, resources, operator intervention, system trouble
        case "01", "08", "40", "53", "57", "58": self != .queryCanceled
        // A fail-over leaves a moment in which the old primary answers read-only.
        default: self == .lockNotAvailable || self == .readOnlyTransaction
        }
    }
}
