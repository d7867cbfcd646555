/// A migration that has just been applied.
package struct AppliedMigration: Sendable, Equatable {
    /// The number in front of the file's name.
    package let version: Int
    /// The file's name.
    package let name: String
}

/// One migration's state in a database.
package struct MigrationStatus: Sendable, Equatable {
    /// What is to be said about it.
    package enum State: Sendable, Equatable {
        /// In the folder, not in the database.
        case pending
        /// In both. The time is in milliseconds since 1970 UTC.
        case applied(at: Int64)
        /// In both, but the file has been changed since.
        case edited
        /// In the database only.
        case unknown
    }

    /// The number in front of the file's name.
    package let version: Int
    /// The file's name.
    package let name: String
    /// Its state.
    package let state: State
}
