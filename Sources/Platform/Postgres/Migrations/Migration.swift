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
    /// may be
    /// missing. They describe an end state, and change nothing once it holds.
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
