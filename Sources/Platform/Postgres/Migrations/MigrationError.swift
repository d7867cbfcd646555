/// Why a database can't be migrated.
package enum MigrationError: Error, Equatable, CustomStringConvertible {
    /// A file was changed after it was applied.
    case edited(name: String)
    /// The database has a version this program has no file for: it was migrated by a newer one.
    case databaseIsNewer(version: Int)
    /// The database has another migration under a file's number: another build of the program made it, and no migration leads from there to this one.
    case otherBuild(applied: String, expected: String)
    /// A file has a number that is taken, or lower than one already applied.
    case outOfOrder(name: String)
    /// A file isn't called `NNNN_name.sql`.
    case misnamed(name: String)
    /// A file was refused by the server; nothing of it was kept.
    case failed(name: String, line: Int?, message: String)
    /// The folder or a file in it can't be read.
    case unreadable(path: String)

    /// One sentence for the operator.
    package var description: String {
        switch self {
        case .edited(let name): "migration \(name) was changed after it was applied; undo the change and write a new migration"
        case .databaseIsNewer(let version): "the database is at migration \(version), which this program doesn't know; it needs a newer program"
        case .otherBuild(let applied, let expected): "another build made the database, with \(applied) in place of \(expected)"
        case .outOfOrder(let name): "migration \(name) comes before one that is already there"
        case .misnamed(let name): "\(name) isn't a migration's name: it should look like 0001_create_things.sql"
        case .failed(let name, let line, let message): "migration \(name) failed\(line.map { " at line \($0)" } ?? ""): \(message)"
        case .unreadable(let path): "can't read \(path)"
        }
    }
}
