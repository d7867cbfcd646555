/// PostgreSQL's five-character error code (appendix A of its manual). The first two characters are the class.
package struct SQLState: RawRepresentable, Hashable, Sendable {
    /// The five characters.
    package let rawValue: String

    /// Takes the code as it is; nothing is checked.
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The first two characters: `23` for integrity violations, `40` for rollbacks, …
    package var classCode: String { String(rawValue.prefix(2)) }

    /// 23505
    package static let uniqueViolation = SQLState(rawValue: "23505")
    /// 23503
    package static let foreignKeyViolation = SQLState(rawValue: "23503")
    /// 23502
    package static let notNullViolation = SQLState(rawValue: "23502")
    /// 23514
    package static let checkViolation = SQLState(rawValue: "23514")
    /// 40001
    package static let serializationFailure = SQLState(rawValue: "40001")
    /// 40P01
    package static let deadlockDetected = SQLState(rawValue: "40P01")
    /// 55P03
    package static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// 57014: a statement timeout or a cancel request
    package static let queryCanceled = SQLState(rawValue: "57014")
    /// 57P01
    package static let adminShutdown = SQLState(rawValue: "57P01")
    /// 57P03: starting up or shutting down
    package static let cannotConnectNow = SQLState(rawValue: "57P03")
    /// 53300
    package static let tooManyConnections = SQLState(rawValue: "53300")
    /// 25006: a write on a standby or in a read-only transaction
    package static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// 25P02: the transaction has already failed
    package static let inFailedTransaction = SQLState(rawValue: "25P02")
    /// 26000: the prepared statement is unknown to the server
    package static let invalidStatementName = SQLState(rawValue: "26000")
    /// 0A000: among others "cached plan must not change result type"
    package static let featureNotSupported = SQLState(rawValue: "0A000")
    /// 22012
    package static let divisionByZero = SQLState(rawValue: "22012")
    /// 42P01
    package static let undefinedTable = SQLState(rawValue: "42P01")
    /// 42710
    package static let duplicateObject = SQLState(rawValue: "42710")
    /// 42P04
    package static let duplicateDatabase = SQLState(rawValue: "42P04")
    /// 55006: among others a template database that somebody is connected to
    package static let objectInUse = SQLState(rawValue: "55006")
    /// 42601
    package static let syntaxError = SQLState(rawValue: "42601")
    /// 42501
    package static let insufficientPrivilege = SQLState(rawValue: "42501")
    /// P0001: RAISE EXCEPTION without a code
    package static let raisedException = SQLState(rawValue: "P0001")

    /// Whether the same statement may succeed when sent again unchanged.
    var isTransient: Bool {
        switch classCode {
        // connection, rollback, resources, operator intervention, system trouble
        case "08", "40", "53", "57", "58": self != .queryCanceled
        // A fail-over leaves a moment in which the old primary answers read-only.
        default: self == .lockNotAvailable || self == .readOnlyTransaction
        }
    }
}
