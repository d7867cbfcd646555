/// A migration that has just been applied.
package struct AppliedMigration: Sendable, Equatable, CustomStringConvertible {
    /// The number in front of the file's name.
    package let version: Int
    /// The file's name.
    package let name: String

    package var description: String { name }
}

/// One migration's state in a database.
package struct MigrationStatus: Sendable, Equatable, CustomStringConvertible {
    /// Whether it has been applied.
    package enum State: Sendable, Equatable {
        /// In the folder, not in the database.
        case pending
        /// In both. The time is in milliseconds since 1970 UTC.
        case applied(at: Int64)
        /// In both, but the file has been changed since.
        case edited
        /// In the database only; the name is the database's.
        case unknown
    }

    /// The number in front of the file's name.
    package let version: Int
    /// The file's name.
    package let name: String
    /// Its state.
    package let state: State

    /// One line for the operator.
    package var description: String {
        switch state {
        case .pending: "\(name)  pending"
        case .applied: "\(name)  applied"
        case .edited: "\(name)  applied, and its file was edited since"
        case .unknown: "\(name)  applied by another version of this program"
        }
    }
}
