import FoundationEssentials

/// A migration's file, `NNNN_name.sql`.
struct Migration: Sendable {
    let version: Int
    let name: String
    /// With LF line ends, even if the checkout made CRLF of them: the checksum is of the text, not of the file.
    let sql: String

    /// Reads the `.sql` files of a folder, by number.
    static func all(in directory: String) throws(MigrationError) -> [Migration] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw .unreadable(path: directory)
        }
        var migrations: [Migration] = []
        for name in names.filter({ $0.hasSuffix(".sql") && $0 != Self.rights }).sorted() {
            guard let version = Int(name.prefix { $0 != "_" }), version > 0, name.contains("_") else { throw .misnamed(name: name) }
            migrations.append(Migration(version: version, name: name, sql: try text("\(directory)/\(name)")))
        }
        migrations.sort { $0.version < $1.version }
        for (previous, next) in zip(migrations, migrations.dropFirst()) where previous.version == next.version { throw .outOfOrder(name: next.name) }
        return migrations
    }

    /// The scripts that run at every start, not once: `roles.sql` beside the folder before its migrations, and `rights.sql` in it after them. Either
    /// may be missing. They describe an end state, and change nothing once it holds.
    static func repeatable(in directory: String) throws(MigrationError) -> (before: Migration?, after: Migration?) {
        func read(_ folder: String, _ name: String) throws(MigrationError) -> Migration? {
            let path = "\(folder)/\(name)"
            return FileManager.default.fileExists(atPath: path) ? Migration(version: 0, name: name, sql: try text(path)) : nil
        }
        return (try read("\(directory)/..", "roles.sql"), try read(directory, rights))
    }

    private static let rights = "rights.sql"

    private static func text(_ path: String) throws(MigrationError) -> String {
        guard let data = FileManager.default.contents(atPath: path), let sql = String(validating: data, as: UTF8.self) else {
            throw .unreadable(path: path)
        }
        return sql.replacingLineEnds
    }

    /// The line of a 1-based position in characters, as the server counts them.
    func line(at position: Int) -> Int { 1 + sql.unicodeScalars.prefix(position - 1).count { $0 == "\n" } }
}

extension String {
    fileprivate var replacingLineEnds: String {
        utf8.contains(UInt8(ascii: "\r")) ? replacing("\r\n", with: "\n") : self
    }
}

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
